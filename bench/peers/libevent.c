// libevent: the echo server of its book, on bufferevents.
//
// What arrives is moved from the input buffer to the output buffer without a copy. Buffers, and how much is
// read at a time, are as libevent has them by default. As in the book, nothing limits what is queued for a
// peer that does not read.
#include "peer.h"

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

static struct peer_options options;

_Noreturn static void fail(const char* what) {
  perror(what);
  exit(1);
}

// --- reading -----------------------------------------------------------------------------------------------

static void echo(struct bufferevent* connection, void* context) {
  (void)context;
  evbuffer_add_buffer(bufferevent_get_output(connection), bufferevent_get_input(connection));
}

static void echo_messages(struct bufferevent* connection, void* context) {
  (void)context;
  struct evbuffer* input = bufferevent_get_input(connection);
  struct evbuffer* output = bufferevent_get_output(connection);
  while (evbuffer_get_length(input) >= options.message_bytes) {
    evbuffer_remove_buffer(input, output, options.message_bytes);
  }
}

static void discard(struct bufferevent* connection, void* context) {
  (void)context;
  struct evbuffer* input = bufferevent_get_input(connection);
  evbuffer_drain(input, evbuffer_get_length(input));
}

// --- writing -----------------------------------------------------------------------------------------------

/// Called when the output has run low.
static void generate(struct bufferevent* connection, void* context) {
  const unsigned char* block = context;
  evbuffer_add_reference(bufferevent_get_output(connection), block, PEER_BLOCK_BYTES, NULL, NULL);
}

static void free_when_sent(struct bufferevent* connection, void* context) {
  (void)context;
  bufferevent_free(connection);
}

// --- connections -------------------------------------------------------------------------------------------

static void on_event(struct bufferevent* connection, short events, void* context) {
  (void)context;
  const bool all_sent = evbuffer_get_length(bufferevent_get_output(connection)) == 0;
  if (!(events & BEV_EVENT_EOF) || all_sent || options.mode == PEER_GENERATE) {
    bufferevent_free(connection);
  } else {
    bufferevent_setcb(connection, NULL, free_when_sent, on_event, NULL);  // the peer still waits for answers
  }
}

static void on_connection(struct evconnlistener* listener, evutil_socket_t socket, struct sockaddr* address,
                          int length, void* context) {
  (void)length;
  (void)context;
  if (address->sa_family == AF_INET) {
    // Fails where the peer has left already: the first read will tell.
    (void)setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
  }
  struct bufferevent* connection =
      bufferevent_socket_new(evconnlistener_get_base(listener), socket, BEV_OPT_CLOSE_ON_FREE);
  if (connection == NULL) fail("bufferevent_socket_new");

  if (options.mode == PEER_GENERATE) {
    void* block = (void*)(uintptr_t)pattern_block();
    bufferevent_setcb(connection, discard, generate, on_event, block);
    bufferevent_setwatermark(connection, EV_WRITE, PEER_BLOCK_BYTES, 0);
    generate(connection, block);
  } else {
    const bufferevent_data_cb on_read = options.mode == PEER_DISCARD ? discard
                                        : options.message_bytes > 0  ? echo_messages
                                                                     : echo;
    bufferevent_setcb(connection, on_read, NULL, on_event, NULL);
  }
  bufferevent_enable(connection, EV_READ | EV_WRITE);
}

// --- the server --------------------------------------------------------------------------------------------

static struct evconnlistener* listen_at(struct event_base* base, const struct sockaddr* address,
                                        size_t size) {
  struct evconnlistener* listener = evconnlistener_new_bind(
      base, on_connection, NULL, LEV_OPT_REUSEABLE | LEV_OPT_CLOSE_ON_FREE, PEER_BACKLOG, address, (int)size);
  if (listener == NULL) fail("evconnlistener_new_bind");
  return listener;
}

static struct evconnlistener* listen_tcp(struct event_base* base) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(options.port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  struct evconnlistener* listener = listen_at(base, (struct sockaddr*)&address, sizeof address);
  getsockname(evconnlistener_get_fd(listener), (struct sockaddr*)&address, &(socklen_t){sizeof address});
  announce_port(ntohs(address.sin_port));
  return listener;
}

static struct evconnlistener* listen_unix(struct event_base* base) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "%s", options.path);
  struct evconnlistener* listener = listen_at(base, (struct sockaddr*)&address, sizeof address);
  announce_path(options.path);
  return listener;
}

static void on_stop_signal(evutil_socket_t number, short events, void* base) {
  (void)number;
  (void)events;
  event_base_loopexit(base, NULL);
}

int main(int argc, char** argv) {
  options = start_peer(argc, argv, NULL, "");
  signal(SIGPIPE, SIG_IGN);
  struct event_base* base = event_base_new();
  if (base == NULL) fail("event_base_new");
  struct event* terminate = evsignal_new(base, SIGTERM, on_stop_signal, base);
  struct event* interrupt = evsignal_new(base, SIGINT, on_stop_signal, base);
  event_add(terminate, NULL);
  event_add(interrupt, NULL);
  struct evconnlistener* listener = options.path != NULL ? listen_unix(base) : listen_tcp(base);

  event_base_dispatch(base);

  evconnlistener_free(listener);
  event_free(interrupt);
  event_free(terminate);
  event_base_free(base);
  end_peer(&options);
}
