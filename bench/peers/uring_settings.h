// The choices that a server on io_uring has, as its command line names them.
#pragma once

#include "peer.h"

#include <stdbool.h>
#include <stddef.h>

enum receiving {
  RECEIVE_MULTISHOT,       // one request; a buffer for each completion
  RECEIVE_BUNDLE,          // one request; for each completion as many buffers as it has bytes for
  RECEIVE_INCREMENTAL,     // one request; completions fill a large buffer bit by bit
  RECEIVE_SINGLE,          // a request for each completion
  RECEIVE_POLL,            // a request that says when, and then recv into memory that all share
  RECEIVE_POLL_MULTISHOT,  // the same, with one request for all times
};

struct uring_settings {
  enum peer_mode mode;
  size_t message_bytes;
  enum receiving receiving;
  size_t buffer_bytes;
  unsigned buffers;  // of the ring that the kernel takes them from; polling, there is one
  unsigned entries;  // of the submission queue
  bool is_deferring;
  bool sends_at_once;  // polling, always
};

/// Reads the command line of this server, and starts it as `start_peer` does.
struct uring_settings read_settings(int argc, char** argv, struct peer_options* options);

static inline bool polls(const struct uring_settings* settings) {
  return settings->receiving == RECEIVE_POLL || settings->receiving == RECEIVE_POLL_MULTISHOT;
}
