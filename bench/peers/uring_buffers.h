// The memory that io_uring receives into: buffers that the kernel takes out of a ring by itself, one after
// the other, and that come back when nobody needs what is in them.
#pragma once

#include <liburing.h>
#include <stdbool.h>
#include <stddef.h>

enum {
  BUFFER_GROUP = 0,
  /// In place of a buffer of the ring: memory of our own.
  NO_BUFFER = -1,
};

/// Received bytes that are not all answered, and what becomes free when they are.
struct span {
  const char* bytes;
  size_t size;
  int buffer;
  void* block;  // of our own memory: to be freed; or NULL
};

/// What one completion has brought, still to be taken apart into spans.
struct delivery {
  unsigned place;  // in the ring, of the next buffer
  size_t size;     // of what is left
  bool is_over;
  bool is_buffer_full;  // nothing more will come into the buffer
};

/// `count` is a power of two. Incremental: the kernel fills a buffer in several deliveries.
void open_buffers(size_t buffer_bytes, unsigned count, bool is_incremental);

/// REQUIRES: the completion names a buffer. Deliveries are opened in the order of completions, before any
/// buffer is given back: in a bundle the ring itself says what follows the named one.
struct delivery open_delivery(const struct io_uring_cqe* cqe);

/// The next part of a delivery; its bytes may be none. False when all have been taken.
bool next_span(struct delivery* delivery, struct span* span);

/// These bytes are not needed any longer.
void release_span(const struct span* span);

/// Gives back to the kernel what has been released. Returns how many buffers it now has.
unsigned give_back_buffers(void);
