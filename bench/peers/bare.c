// See bare.h.
#include "bare.h"

#include "bare_loop.h"
#include "bare_sockets.h"
#include "shared/pattern.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

// --- connections -------------------------------------------------------------------------------------------

static void close_connection(struct connection* connection) {
  close(connection->descriptor);
  free(connection->unsent);
  free(connection->part);
  free(connection);
}

/// Of every connection, to begin with.
static uint32_t first_interest;

static void on_connection(int descriptor) {
  struct connection* connection = allocate(sizeof *connection);
  *connection = (struct connection){.descriptor = descriptor};
  watch(descriptor, first_interest, connection);
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
  change_interest(connection->descriptor, EPOLLOUT, connection);
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
  change_interest(connection->descriptor, EPOLLIN,
                  connection);  // what arrived meanwhile, or the end, is reported at once
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

static void generate(struct connection* connection, size_t bytes_per_turn) {
  for (size_t sent = 0; sent < bytes_per_turn;) {
    const ssize_t count = send(connection->descriptor, pattern_from(connection->pattern_offset),
                               PEER_BLOCK_BYTES, MSG_NOSIGNAL);
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

static const struct bare_program* served_program;

static void on_event(void* whom, uint32_t events) {
  struct connection* connection = whom;
  if (connection->unsent != NULL) {
    send_unsent(connection);
  } else if (events & ~(uint32_t)EPOLLOUT) {
    served_program->on_readable(connection);
  } else {
    generate(connection, served_program->generate_bytes_per_turn);
  }
}

void serve(const struct peer_options* options, const struct bare_program* program) {
  served_program = program;
  first_interest = options->mode == PEER_GENERATE ? EPOLLIN | EPOLLOUT : EPOLLIN;
  const struct bare_handlers handlers = {.on_connection = on_connection, .on_event = on_event};
  run_bare_loop(options, &handlers);
}
