// What both bare servers are made of: connections around a program's way of reading. No library.
#pragma once

#include "peer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// One accepted connection, and what is left over between two events.
struct connection {
  int descriptor;
  /// Answered, but not yet taken by the kernel. Nothing is read meanwhile, so there is never more than one
  /// answer, and the peer's end of file waits until it has gone.
  char* unsent;
  size_t unsent_first;
  size_t unsent_end;
  /// Echo by messages: the beginning of one that has not arrived in full.
  char* part;
  size_t part_size;
  /// Generating: where in the pattern's period the next byte is.
  size_t pattern_offset;
};

/// How one of the two programs goes about its work.
struct bare_program {
  /// Something has arrived, or the peer has closed.
  void (*on_readable)(struct connection* connection);
  /// How much a generating connection sends before the others have their turn.
  size_t generate_bytes_per_turn;
};

/// Serves until SIGTERM or SIGINT.
void serve(const struct peer_options* options, const struct bare_program* program);

/// One receive. Returns 0 where there is nothing to be done: nothing was there, or the connection has ended
/// and is no more.
size_t receive(struct connection* connection, char* memory, size_t size);

/// Sends; what the kernel does not take now is kept, and reading stops until it has gone. Returns false where
/// that happened, or where the connection broke and is no more.
bool answer(struct connection* connection, const char* bytes, size_t size);

/// Moves the kept beginning of a message, `part_size` bytes, to `memory`.
void take_part(struct connection* connection, char* memory);

/// Keeps the beginning of a message, if there is one, for `take_part`.
void keep_part(struct connection* connection, const char* bytes, size_t size);
