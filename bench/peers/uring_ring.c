// See uring_ring.h.
#include "uring_ring.h"

#include "bare_sockets.h"

#include <errno.h>
#include <stdlib.h>

struct io_uring ring;

static void check(int result, const char* what) {
  if (result >= 0) return;
  errno = -result;
  fail(what);
}

void open_ring(unsigned entries, bool is_deferring) {
  struct io_uring_params parameters = {
      .flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE,
      .cq_entries = 4 * entries,
  };
  parameters.flags |= is_deferring ? IORING_SETUP_DEFER_TASKRUN : IORING_SETUP_COOP_TASKRUN;
  check(io_uring_queue_init_params(entries, &ring, &parameters), "io_uring_setup");
  check(io_uring_register_ring_fd(&ring), "io_uring_register_ring_fd");
}

struct io_uring_sqe* new_request(void) {
  for (;;) {
    struct io_uring_sqe* sqe = io_uring_get_sqe(&ring);
    if (sqe != NULL) return sqe;
    const int result = io_uring_submit(&ring);
    if (result != -EINTR) check(result, "io_uring_submit");
  }
}

uint64_t mark_of(enum request request, void* whom) { return (uint64_t)(uintptr_t)whom | request; }

void mark_request(struct io_uring_sqe* sqe, enum request request, void* whom) {
  io_uring_sqe_set_data64(sqe, mark_of(request, whom));
}

void submit_and_wait(void) {
  const int result = io_uring_submit_and_wait(&ring, 1);
  // Interrupted, or the completions do not fit until some have been seen: the caller looks at those first.
  if (result != -EINTR && result != -EBUSY) check(result, "io_uring_enter");
}
