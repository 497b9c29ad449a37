// See bare.h.
#include "bare.h"

#include "bare_sockets.h"
#include "shared/pattern.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static int epoll = -1;

// --- connections -------------------------------------------------------------------------------------------

static void watch(int descriptor, uint32_t interest, void* whom) {
  struct epoll_event event = {.events = interest, .data.ptr = whom};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) != 0) fail("epoll_ctl");
}

static void change_interest(struct connection* connection, uint32_t interest) {
  struct epoll_event event = {.events = interest, .data.ptr = connection};
  if (epoll_ctl(epoll, EPOLL_CTL_MOD, connection->descriptor, &event) != 0) fail("epoll_ctl");
}

static void close_connection(struct connection* connection) {
  close(connection->descriptor);
  free(connection->unsent);
  free(connection->part);
  free(connection);
}

static bool is_transient(int error) { return error == EAGAIN || error == EINTR; }

static void accept_connections(int listener, uint32_t interest) {
  for (;;) {
    const int descriptor = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor < 0 && errno == ECONNABORTED) continue;  // given up while it waited
    if (descriptor < 0 && is_transient(errno)) return;
    if (descriptor < 0) fail("accept4");
    struct connection* connection = allocate(sizeof *connection);
    *connection = (struct connection){.descriptor = descriptor};
    watch(descriptor, interest, connection);
  }
}

size_t receive(struct connection* connection, char* memory, size_t size) {
  const ssize_t count = recv(connection->descriptor, memory, size, 0);
  if (count > 0) return (size_t)count;
  if (count < 0 && is_transient(errno)) return 0;
  close_connection(connection);
  return 0;
}

bool answer(struct connection* connection, const char* bytes, size_t size) {
  ssize_t count = send(connection->descriptor, bytes, size, MSG_NOSIGNAL);
  if (count == (ssize_t)size) return true;
  if (count < 0 && !is_transient(errno)) {
    close_connection(connection);
    return false;
  }
  if (count < 0) count = 0;
  connection->unsent_first = 0;
  connection->unsent_end = size - (size_t)count;
  connection->unsent = allocate(connection->unsent_end);
  memcpy(connection->unsent, bytes + count, connection->unsent_end);
  change_interest(connection, EPOLLOUT);
  return false;
}

static void send_unsent(struct connection* connection) {
  const ssize_t count = send(connection->descriptor, connection->unsent + connection->unsent_first,
                             connection->unsent_end - connection->unsent_first, MSG_NOSIGNAL);
  if (count < 0 && is_transient(errno)) return;
  if (count < 0) {
    close_connection(connection);
    return;
  }
  connection->unsent_first += (size_t)count;
  if (connection->unsent_first < connection->unsent_end) return;
  free(connection->unsent);
  connection->unsent = NULL;
  change_interest(connection, EPOLLIN);  // what arrived meanwhile, or the end, is reported at once
}

// --- messages ----------------------------------------------------------------------------------------------

void take_part(struct connection* connection, char* memory) {
  if (connection->part_size == 0) return;
  memcpy(memory, connection->part, connection->part_size);
  free(connection->part);
  connection->part = NULL;
  connection->part_size = 0;
}

void keep_part(struct connection* connection, const char* bytes, size_t size) {
  if (size == 0) return;
  connection->part = allocate(size);
  connection->part_size = size;
  memcpy(connection->part, bytes, size);
}

// --- generating --------------------------------------------------------------------------------------------

/// The pattern, long enough that a whole block can be sent from anywhere in the first period.
static unsigned char pattern[PEER_BLOCK_BYTES + PATTERN_PERIOD_BYTES];

static void generate(struct connection* connection, size_t bytes_per_turn) {
  for (size_t sent = 0; sent < bytes_per_turn;) {
    const ssize_t count =
        send(connection->descriptor, pattern + connection->pattern_offset, PEER_BLOCK_BYTES, MSG_NOSIGNAL);
    if (count < 0 && is_transient(errno)) return;
    if (count < 0) {
      close_connection(connection);
      return;
    }
    connection->pattern_offset = (connection->pattern_offset + (size_t)count) % PATTERN_PERIOD_BYTES;
    sent += (size_t)count;
  }
}

// --- the loop ----------------------------------------------------------------------------------------------

static void serve_event(struct connection* connection, uint32_t events, const struct bare_program* program) {
  if (connection->unsent != NULL) {
    send_unsent(connection);
  } else if (events & ~(uint32_t)EPOLLOUT) {
    program->on_readable(connection);
  } else {
    generate(connection, program->generate_bytes_per_turn);
  }
}

void serve(const struct peer_options* options, const struct bare_program* program) {
  const bool generates = options->mode == PEER_GENERATE;
  if (generates) fill_with_pattern(pattern, sizeof pattern);

  epoll = epoll_create1(EPOLL_CLOEXEC);
  if (epoll < 0) fail("epoll_create1");
  int stop = open_stop_signals();
  watch(stop, EPOLLIN, &stop);
  int listener = open_listener(options);
  watch(listener, EPOLLIN, &listener);

  for (bool stopping = false; !stopping;) {
    struct epoll_event events[512];
    const int count = epoll_wait(epoll, events, sizeof events / sizeof *events, -1);
    if (count < 0 && errno != EINTR) fail("epoll_wait");
    for (int i = 0; i < count; ++i) {
      void* const whom = events[i].data.ptr;
      if (whom == &stop) {
        stopping = true;
      } else if (whom == &listener) {
        accept_connections(listener, generates ? EPOLLIN | EPOLLOUT : EPOLLIN);
      } else {
        serve_event(whom, events[i].events, program);
      }
    }
  }
  end_peer(options);
}
