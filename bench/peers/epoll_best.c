// Bare epoll at its best: what we know to be fastest without a library.
//
// A shared buffer of 256 KiB takes what the kernel has in one receive. Only a receive that filled it is
// followed by another within the same wake-up: a small message costs one receive and one send, a large one
// a few of each.
#include "bare.h"

#include <stdlib.h>

enum {
  BUFFER_BYTES = 256 * 1024,
  /// Then the other connections have their turn.
  BYTES_PER_TURN = 512 * 1024,
};

static size_t message_bytes;
static char* buffer;

static void echo(struct connection* connection) {
  for (size_t turn = 0; turn < BYTES_PER_TURN; turn += BUFFER_BYTES) {
    const size_t received = receive(connection, buffer, BUFFER_BYTES);
    if (received == 0 || !answer(connection, buffer, received) || received < BUFFER_BYTES) return;
  }
}

static void echo_messages(struct connection* connection) {
  for (size_t turn = 0; turn < BYTES_PER_TURN; turn += BUFFER_BYTES) {
    const size_t part = connection->part_size;
    const size_t received = receive(connection, buffer + part, BUFFER_BYTES);
    if (received == 0) return;
    take_part(connection, buffer);
    const size_t total = part + received;
    const size_t complete = total - total % message_bytes;
    keep_part(connection, buffer + complete, total - complete);
    if (complete > 0 && !answer(connection, buffer, complete)) return;
    if (received < BUFFER_BYTES) return;
  }
}

static void discard(struct connection* connection) {
  for (size_t turn = 0; turn < BYTES_PER_TURN; turn += BUFFER_BYTES) {
    if (receive(connection, buffer, BUFFER_BYTES) < BUFFER_BYTES) return;
  }
}

int main(int argc, char** argv) {
  const struct peer_options options = start_peer(argc, argv, NULL, "");
  message_bytes = options.message_bytes;
  buffer = malloc(BUFFER_BYTES + message_bytes);  // a part of a message, then a whole receive

  struct bare_program program = {.on_readable = discard, .generate_bytes_per_turn = BYTES_PER_TURN};
  if (options.mode == PEER_ECHO) program.on_readable = message_bytes > 0 ? echo_messages : echo;
  serve(&options, &program);
  free(buffer);
}
