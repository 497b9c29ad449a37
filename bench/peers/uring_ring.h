// One io_uring of one thread: how it is set up, where requests come from, and how their completions are told
// apart.
#pragma once

#include <liburing.h>
#include <stdbool.h>
#include <stdint.h>

// Newer than the header of liburing 2.3; from the kernel's include/uapi/linux/io_uring.h.
enum {
  /// Since 6.10, in `ioprio`: one completion may fill several buffers that follow one another in the ring.
  RECVSEND_BUNDLE = 1U << 4U,
  /// Since 6.12, in the flags of a buffer ring: a buffer is filled bit by bit, until it is full.
  BUFFER_RING_INCREMENTAL = 2,
  /// Since 6.12, in the flags of a completion: more will come into the same buffer.
  CQE_BUFFER_MORE = 1U << 4U,
};

/// What a completion is about; the other half of its `user_data` is for whom.
enum request {
  REQUEST_ACCEPT,
  REQUEST_STOP,
  REQUEST_RECEIVE,
  REQUEST_POLL,
  REQUEST_SEND,
  REQUEST_CANCEL,
};

extern struct io_uring ring;

/// Room for `entries` requests, and for four times as many completions. Deferring, the kernel does its part
/// of the work (6.1) when we wait; otherwise at any system call of ours.
void open_ring(unsigned entries, bool is_deferring);

/// An empty request. Submits those that fill the queue, if need be.
struct io_uring_sqe* new_request(void);

/// Says what a prepared request is, for its completion.
void mark_request(struct io_uring_sqe* sqe, enum request request, void* whom);

/// What `mark_request` has put together, for a request that has to be found again.
uint64_t mark_of(enum request request, void* whom);

static inline enum request request_of(const struct io_uring_cqe* cqe) {
  return (enum request)(cqe->user_data & 7U);
}

static inline void* whom_of(const struct io_uring_cqe* cqe) {
  return (void*)(uintptr_t)(cqe->user_data & ~(uint64_t)7U);
}

/// Submits, and waits for a completion.
void submit_and_wait(void);
