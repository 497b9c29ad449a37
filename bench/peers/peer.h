// What the echo servers of the comparison have in common, so that each can be about its library alone: what
// they are asked on the command line, and how they say that they listen.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
  /// Connections that may wait to be accepted: the same for everybody, and enough for every row.
  PEER_BACKLOG = 4096,
  /// What a generating server hands to its library at a time.
  PEER_BLOCK_BYTES = 16 * 4093,
};

enum peer_mode {
  PEER_ECHO,      // answers what arrives
  PEER_DISCARD,   // reads, and throws away
  PEER_GENERATE,  // writes to each connection as fast as it takes it
};

struct peer_options {
  enum peer_mode mode;
  /// A Unix socket's path, or NULL: then 127.0.0.1 and `port`, where 0 lets the system choose.
  const char* path;
  uint16_t port;
  /// Echo: cut the stream into messages of this size, and answer each with a write of its own. 0: answer
  /// whatever arrived. Generating, where a server distinguishes: the size of a write, PEER_BLOCK_BYTES at
  /// most.
  size_t message_bytes;
};

/// An option that only one server knows. Returns false where it doesn't know it, or can't read its value.
typedef bool (*peer_option_reader)(const char* name, const char* value);

/// Reads the command line and prepares the process: as many descriptors as the system grants, and no socket
/// file left at the path. Wrong arguments end the program with status 2. `read_own_option` may be NULL,
/// `own_usage` is the text for it.
struct peer_options start_peer(int argc, char** argv, peer_option_reader read_own_option,
                               const char* own_usage);

/// Removes the socket file.
void end_peer(const struct peer_options* options);

/// The one line on standard output, when the server listens.
void announce_port(uint16_t port);
void announce_path(const char* path);

/// PEER_BLOCK_BYTES of the pattern: whole periods, so that blocks in a row continue it.
const unsigned char* pattern_block(void);

/// As many bytes of the pattern, from `position` of the stream on.
const unsigned char* pattern_from(size_t position);

/// Reads a whole, positive decimal number; false for anything else.
bool read_number(const char* text, unsigned long long* number);

#ifdef __cplusplus
}
#endif
