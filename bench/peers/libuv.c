// libuv: the echo server of its guide, and one that gets the most out of it.
//
// echo_libuv does as the guide's TCP chapter: memory for each read is allocated in the callback and handed to
// uv_write, and freed when that has called back. echo_libuv_try, compiled with LIBUV_TRIES_FIRST, reads into
// one buffer of the size that libuv suggests, writes with uv_try_write, and queues only what the kernel did
// not take. Neither limits what is queued for a peer that does not read: the guide's does not either.
#include "peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

struct connection {
  union {
    uv_handle_t handle;
    uv_stream_t stream;
    uv_tcp_t tcp;
    uv_pipe_t pipe;
  };
  uv_shutdown_t shutdown;
  uv_write_t block_write;
  // Echo by messages: one that has not arrived in full.
  char* part;
  size_t part_size;
};

struct write_request {
  uv_write_t request;
  char* memory;
};

static struct peer_options options;
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

// --- the end of a connection -------------------------------------------------------------------------------

static void on_closed(uv_handle_t* handle) {
  struct connection* connection = (struct connection*)handle;
  free(connection->part);
  free(connection);
}

static void close_connection(struct connection* connection) {
  if (!uv_is_closing(&connection->handle)) uv_close(&connection->handle, on_closed);
}

static void on_shut_down(uv_shutdown_t* request, int status) {
  (void)status;  // either way there is nothing more to be done
  close_connection((struct connection*)request->handle);
}

/// The peer has sent its last byte; it may still wait for answers.
static void finish_connection(struct connection* connection) {
  const bool all_sent = uv_stream_get_write_queue_size(&connection->stream) == 0;
  if (all_sent || uv_shutdown(&connection->shutdown, &connection->stream, on_shut_down) < 0) {
    close_connection(connection);
  }
}

// --- writing -----------------------------------------------------------------------------------------------

static void on_written(uv_write_t* request, int status) {
  struct write_request* write = (struct write_request*)request;
  if (status < 0) close_connection((struct connection*)request->handle);
  free(write->memory);
  free(write);
}

/// Frees `memory` when `size` bytes of it have been sent.
static void write_and_free(struct connection* connection, char* memory, size_t size) {
  struct write_request* write = allocate(sizeof *write);
  write->memory = memory;
  const uv_buf_t bytes = uv_buf_init(memory, (unsigned)size);
  check(uv_write(&write->request, &connection->stream, &bytes, 1, on_written), "uv_write");
}

static void write_copy(struct connection* connection, const char* bytes, size_t size) {
  char* copy = allocate(size);
  memcpy(copy, bytes, size);
  write_and_free(connection, copy, size);
}

// --- reading, as the guide does and at its best ------------------------------------------------------------

#ifdef LIBUV_TRIES_FIRST

static void get_memory(uv_handle_t* handle, size_t suggested_size, uv_buf_t* memory) {
  (void)handle;
  (void)suggested_size;  // it is always this
  static char shared[64 * 1024];
  *memory = uv_buf_init(shared, sizeof shared);
}

static void answer(struct connection* connection, const char* bytes, size_t size) {
  uv_buf_t piece = uv_buf_init((char*)(uintptr_t)bytes, (unsigned)size);  // libuv does not write to it
  const int count = uv_try_write(&connection->stream, &piece, 1);
  if (count < 0 && count != UV_EAGAIN) {
    close_connection(connection);
    return;
  }
  const size_t sent = count < 0 ? 0 : (size_t)count;
  if (sent < size) write_copy(connection, bytes + sent, size - sent);
}

static void answer_read(struct connection* connection, char* memory, size_t size) {
  answer(connection, memory, size);
}

static void free_read(char* memory) { (void)memory; }

#else

static void get_memory(uv_handle_t* handle, size_t suggested_size, uv_buf_t* memory) {
  (void)handle;
  *memory = uv_buf_init(allocate(suggested_size), (unsigned)suggested_size);
}

static void answer(struct connection* connection, const char* bytes, size_t size) {
  write_copy(connection, bytes, size);
}

static void answer_read(struct connection* connection, char* memory, size_t size) {
  write_and_free(connection, memory, size);
}

static void free_read(char* memory) { free(memory); }

#endif

// --- what is done with what was read -----------------------------------------------------------------------

static void echo(struct connection* connection, char* memory, size_t size) {
  answer_read(connection, memory, size);
}

static void echo_messages(struct connection* connection, char* memory, size_t size) {
  const char* bytes = memory;
  if (connection->part_size > 0) {
    const size_t missing = options.message_bytes - connection->part_size;
    const size_t taken = size < missing ? size : missing;
    memcpy(connection->part + connection->part_size, bytes, taken);
    connection->part_size += taken;
    bytes += taken;
    size -= taken;
    if (connection->part_size == options.message_bytes) {
      answer(connection, connection->part, options.message_bytes);
      connection->part_size = 0;
    }
  }
  for (; size >= options.message_bytes; bytes += options.message_bytes, size -= options.message_bytes) {
    answer(connection, bytes, options.message_bytes);
  }
  if (size > 0) {
    if (connection->part == NULL) connection->part = allocate(options.message_bytes);
    memcpy(connection->part, bytes, size);
    connection->part_size = size;
  }
  free_read(memory);
}

static void discard(struct connection* connection, char* memory, size_t size) {
  (void)connection;
  (void)size;
  free_read(memory);
}

static void (*serve_read)(struct connection* connection, char* memory, size_t size);

static void on_read(uv_stream_t* stream, ssize_t count, const uv_buf_t* memory) {
  struct connection* connection = (struct connection*)stream;
  if (count > 0) {
    serve_read(connection, memory->base, (size_t)count);
    return;
  }
  free_read(memory->base);
  if (count == UV_EOF) {
    finish_connection(connection);
  } else if (count < 0) {
    close_connection(connection);
  }
}

// --- generating --------------------------------------------------------------------------------------------

static void write_block(struct connection* connection);

static void on_block_written(uv_write_t* request, int status) {
  struct connection* connection = (struct connection*)request->handle;
  if (status < 0) close_connection(connection);
  if (!uv_is_closing(&connection->handle)) write_block(connection);  // reading may have found the end before
}

static void write_block(struct connection* connection) {
  static uv_buf_t block;
  if (block.base == NULL) block = uv_buf_init((char*)(uintptr_t)pattern_block(), PEER_BLOCK_BYTES);
  check(uv_write(&connection->block_write, &connection->stream, &block, 1, on_block_written), "uv_write");
}

// --- the server --------------------------------------------------------------------------------------------

static void on_connection(uv_stream_t* server, int status) {
  check(status, "accept");
  struct connection* connection = calloc(1, sizeof *connection);
  if (connection == NULL) check(UV_ENOMEM, "calloc");
  if (server->type == UV_TCP) {
    check(uv_tcp_init(loop, &connection->tcp), "uv_tcp_init");
  } else {
    check(uv_pipe_init(loop, &connection->pipe, 0), "uv_pipe_init");
  }
  check(uv_accept(server, &connection->stream), "uv_accept");
  if (server->type == UV_TCP)
    (void)uv_tcp_nodelay(&connection->tcp, 1);  // fails where the peer has left already
  check(uv_read_start(&connection->stream, get_memory, on_read), "uv_read_start");
  if (options.mode == PEER_GENERATE) write_block(connection);
}

static void listen_tcp(uv_tcp_t* server) {
  struct sockaddr_in address;
  check(uv_ip4_addr("127.0.0.1", options.port, &address), "uv_ip4_addr");
  check(uv_tcp_init(loop, server), "uv_tcp_init");
  check(uv_tcp_bind(server, (const struct sockaddr*)&address, 0), "uv_tcp_bind");
  check(uv_listen((uv_stream_t*)server, PEER_BACKLOG, on_connection), "uv_listen");
  check(uv_tcp_getsockname(server, (struct sockaddr*)&address, &(int){sizeof address}), "uv_tcp_getsockname");
  announce_port(ntohs(address.sin_port));
}

static void listen_unix(uv_pipe_t* server) {
  check(uv_pipe_init(loop, server, 0), "uv_pipe_init");
  check(uv_pipe_bind(server, options.path), "uv_pipe_bind");
  check(uv_listen((uv_stream_t*)server, PEER_BACKLOG, on_connection), "uv_listen");
  announce_path(options.path);
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
  options = start_peer(argc, argv, NULL, "");
  serve_read = options.mode != PEER_ECHO ? discard : options.message_bytes > 0 ? echo_messages : echo;
  signal(SIGPIPE, SIG_IGN);  // as its documentation asks
  loop = uv_default_loop();

  uv_signal_t terminate, interrupt;
  stop_on(&terminate, SIGTERM);
  stop_on(&interrupt, SIGINT);
  uv_tcp_t tcp_server;
  uv_pipe_t unix_server;
  if (options.path != NULL) {
    listen_unix(&unix_server);
  } else {
    listen_tcp(&tcp_server);
  }
  uv_run(loop, UV_RUN_DEFAULT);
  end_peer(&options);
}
