// Bare epoll, the shortest server that is right: the reference of every comparison.
//
// One wake-up is one receive into a shared buffer and one send. Cutting the stream into messages (--message),
// it answers all that are complete with a single send: what a library cannot beat, only reach.
#include "bare.h"

#include <stdlib.h>

enum { BUFFER_BYTES = 64 * 1024 };

static size_t message_bytes;
static char* buffer;

static void echo(struct connection* connection) {
  const size_t received = receive(connection, buffer, BUFFER_BYTES);
  if (received > 0) answer(connection, buffer, received);
}

static void echo_messages(struct connection* connection) {
  const size_t part = connection->part_size;
  const size_t received = receive(connection, buffer + part, BUFFER_BYTES);
  if (received == 0) return;
  take_part(connection, buffer);
  const size_t total = part + received;
  const size_t complete = total - total % message_bytes;
  keep_part(connection, buffer + complete, total - complete);
  if (complete > 0) answer(connection, buffer, complete);
}

static void discard(struct connection* connection) { receive(connection, buffer, BUFFER_BYTES); }

int main(int argc, char** argv) {
  const struct peer_options options = start_peer(argc, argv, NULL, "");
  message_bytes = options.message_bytes;
  buffer = malloc(BUFFER_BYTES + message_bytes);  // a part of a message, then a whole receive

  struct bare_program program = {.on_readable = discard, .generate_bytes_per_turn = PEER_BLOCK_BYTES};
  if (options.mode == PEER_ECHO) program.on_readable = message_bytes > 0 ? echo_messages : echo;
  serve(&options, &program);
  free(buffer);
}
