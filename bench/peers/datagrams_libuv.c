// libuv: a datagram echo server as its documentation would have it, and one that gets the most out of it.
//
// datagrams_libuv allocates memory for each datagram in the callback, hands it to uv_udp_send, and frees it
// when that has called back. datagrams_libuv_try, compiled with LIBUV_TRIES_FIRST, has libuv receive many at
// a time (UV_UDP_RECVMMSG) into one buffer, and answers with uv_udp_try_send; what the kernel does not take,
// and what arrives while something is queued, is queued.
#include "datagram_peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

struct send_request {
  uv_udp_send_t request;
  char* memory;
};

static uv_loop_t* loop;

static void check(int status, const char* what) {
  if (status >= 0) return;
  fprintf(stderr, "%s: %s\n", what, uv_strerror(status));
  exit(1);
}

static void* allocate(size_t size) {
  void* memory = malloc(size);
  if (memory == NULL) check(UV_ENOMEM, "malloc");
  return memory;
}

// --- sending -----------------------------------------------------------------------------------------------

static void on_sent(uv_udp_send_t* request, int status) {
  (void)status;  // what was refused is lost, as datagrams may be
  struct send_request* send = (struct send_request*)request;
  free(send->memory);
  free(send);
}

/// Frees `memory` when `size` bytes of it have been sent.
static void send_and_free(uv_udp_t* server, char* memory, size_t size, const struct sockaddr* peer) {
  struct send_request* send = allocate(sizeof *send);
  send->memory = memory;
  const uv_buf_t bytes = uv_buf_init(memory, (unsigned)size);
  check(uv_udp_send(&send->request, server, &bytes, 1, peer, on_sent), "uv_udp_send");
}

// --- receiving, as the documentation does and at its best --------------------------------------------------

#ifdef LIBUV_TRIES_FIRST

enum { FLAGS = AF_INET | UV_UDP_RECVMMSG, MOST_AT_A_TIME = 20 };  // libuv asks for no more in one call

static void get_memory(uv_handle_t* handle, size_t suggested_size, uv_buf_t* memory) {
  (void)handle;
  (void)suggested_size;  // for one datagram
  static char shared[MOST_AT_A_TIME * DATAGRAM_MEMORY_BYTES];
  *memory = uv_buf_init(shared, sizeof shared);
}

static void answer(uv_udp_t* server, char* bytes, size_t size, const struct sockaddr* peer) {
  const uv_buf_t piece = uv_buf_init(bytes, (unsigned)size);
  if (uv_udp_try_send(server, &piece, 1, peer) != UV_EAGAIN) return;
  char* copy = allocate(size);
  memcpy(copy, bytes, size);
  send_and_free(server, copy, size, peer);
}

static void free_received(char* memory) { (void)memory; }

#else

enum { FLAGS = AF_INET };

static void get_memory(uv_handle_t* handle, size_t suggested_size, uv_buf_t* memory) {
  (void)handle;
  *memory = uv_buf_init(allocate(suggested_size), (unsigned)suggested_size);
}

static void answer(uv_udp_t* server, char* bytes, size_t size, const struct sockaddr* peer) {
  send_and_free(server, bytes, size, peer);
}

static void free_received(char* memory) { free(memory); }

#endif

static void on_received(uv_udp_t* server, ssize_t size, const uv_buf_t* memory, const struct sockaddr* peer,
                        unsigned flags) {
  check((int)size, "receiving");
  (void)flags;
  if (peer != NULL) {
    answer(server, memory->base, (size_t)size, peer);
  } else {
    free_received(memory->base);  // there was nothing, or nothing more, in it
  }
}

// --- the server --------------------------------------------------------------------------------------------

static void open_server(uv_udp_t* server, uint16_t port) {
  struct sockaddr_in address;
  check(uv_ip4_addr("127.0.0.1", port, &address), "uv_ip4_addr");
  check(uv_udp_init_ex(loop, server, FLAGS), "uv_udp_init_ex");
  check(uv_udp_bind(server, (const struct sockaddr*)&address, 0), "uv_udp_bind");
  check(uv_recv_buffer_size((uv_handle_t*)server, &(int){DATAGRAM_RECEIVE_BUFFER_BYTES}),
        "uv_recv_buffer_size");
  check(uv_udp_recv_start(server, get_memory, on_received), "uv_udp_recv_start");
  check(uv_udp_getsockname(server, (struct sockaddr*)&address, &(int){sizeof address}), "uv_udp_getsockname");
  announce_port(ntohs(address.sin_port));
}

static void on_stop_signal(uv_signal_t* handle, int number) {
  (void)number;
  uv_stop(handle->loop);
}

static void stop_on(uv_signal_t* handle, int number) {
  check(uv_signal_init(loop, handle), "uv_signal_init");
  check(uv_signal_start(handle, on_stop_signal, number), "uv_signal_start");
}

int main(int argc, char** argv) {
  const struct datagram_request request = read_datagram_request(argc, argv, NULL, "");
  loop = uv_default_loop();
  uv_signal_t terminate, interrupt;
  stop_on(&terminate, SIGTERM);
  stop_on(&interrupt, SIGINT);
  uv_udp_t server;
  open_server(&server, request.port);
  uv_run(loop, UV_RUN_DEFAULT);
}
