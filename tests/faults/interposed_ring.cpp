// The library's calls of liburing, as the linker sends them here (target.cmake), and what the kernel answers
// its requests.
//
// A request that is to fail is made a no-op on its way into the kernel, and what comes back of that is given
// the error: nothing is received, accepted or sent, as it is with a request that the kernel refuses. One that
// has had results is cancelled behind the kernel's back, and the end of it is given the error.
#include "faults/strike.hpp"

#ifdef TIDEGATE_HAS_IO_URING

#include "kernel/uring/request_tag.hpp"

#include <cerrno>
#include <cstdint>
#include <optional>

#include <liburing.h>

namespace tidegate::faults {

namespace {

using kernel::Request;
using kernel::RequestTag;

std::optional<Call> call_of(Request request) noexcept {
  switch (request) {
    case Request::receive:
      return Call::receive_request;
    case Request::accept:
      return Call::accept_request;
    case Request::send:
    case Request::send_lent:
      return Call::send_request;
    case Request::poll_input:
    case Request::poll_output:
      return Call::poll_request;
    case Request::watch_input:
    case Request::watch_output:
      return Call::watch_request;
    case Request::watch_hangup:
      return Call::hangup_request;
    case Request::none:
    case Request::wake:
      return std::nullopt;
  }
  return std::nullopt;
}

std::optional<Call> later_call_of(Request request) noexcept {
  switch (request) {
    case Request::receive:
      return Call::receive_request_later;
    case Request::accept:
      return Call::accept_request_later;
    case Request::watch_input:
    case Request::watch_output:
      return Call::watch_request_later;
    default:
      return std::nullopt;
  }
}

/// The request that is failing.
struct Failing {
  RequestTag tag{Request::none, {}};
  int error = 0;
  bool to_be_cancelled = false;
};

/// One ring at a time is looked at: that of the loop that plays.
struct Watched {
  unsigned seen_entries = 0;
  unsigned seen_completions = 0;
  std::optional<Failing> failing;
};

Watched watched;

void look_at_entries(io_uring& ring) noexcept {
  for (; watched.seen_entries != ring.sq.sqe_tail; ++watched.seen_entries) {
    io_uring_sqe& entry = ring.sq.sqes[watched.seen_entries & ring.sq.ring_mask];
    const RequestTag tag(entry.user_data);
    if (entry.opcode == IORING_OP_ASYNC_CANCEL) continue;
    const std::optional<Call> call = call_of(tag.request());
    const int error = call ? verdict(*call) : 0;
    if (error == 0) continue;
    io_uring_prep_nop(&entry);
    entry.user_data = tag.value();
    watched.failing = Failing{tag, error, false};
  }
  if (!watched.failing || !watched.failing->to_be_cancelled) return;
  io_uring_sqe* const entry = io_uring_get_sqe(&ring);
  if (entry == nullptr) return;  // at the next opportunity
  io_uring_prep_cancel64(entry, watched.failing->tag.value(), 0);
  entry->flags |= IOSQE_CQE_SKIP_SUCCESS;
  entry->user_data = RequestTag(Request::none, {}).value();
  watched.failing->to_be_cancelled = false;
  watched.seen_entries = ring.sq.sqe_tail;
}

void look_at_completions(io_uring& ring) noexcept {
  const unsigned tail = io_uring_smp_load_acquire(ring.cq.ktail);
  for (; watched.seen_completions != tail; ++watched.seen_completions) {
    io_uring_cqe& completion = ring.cq.cqes[watched.seen_completions & ring.cq.ring_mask];
    const RequestTag tag(completion.user_data);
    const bool goes_on = (completion.flags & IORING_CQE_F_MORE) != 0;
    if (watched.failing && tag == watched.failing->tag) {
      if (goes_on) continue;
      completion.res = -watched.failing->error;
      watched.failing.reset();
      continue;
    }
    const std::optional<Call> later = later_call_of(tag.request());
    const int error = later && goes_on && completion.res > 0 ? verdict(*later) : 0;
    if (error != 0) watched.failing = Failing{tag, error, true};
  }
}

template <typename Enter>
int enter(io_uring& ring, const Enter& real) noexcept {
  if (const int error = verdict(Call::ring_enter); error != 0) return -error;
  look_at_entries(ring);
  const int outcome = real();
  look_at_completions(ring);
  return outcome;
}

}  // namespace
}  // namespace tidegate::faults

using tidegate::faults::Call;
using tidegate::faults::verdict;

extern "C" {

int __real_io_uring_queue_init_params(unsigned entries, io_uring* ring, io_uring_params* parameters);
int __wrap_io_uring_queue_init_params(unsigned entries, io_uring* ring, io_uring_params* parameters) {
  tidegate::faults::watched = {};
  if (const int error = verdict(Call::ring_setup); error != 0) return -error;
  return __real_io_uring_queue_init_params(entries, ring, parameters);
}

int __real_io_uring_register_buf_ring(io_uring* ring, io_uring_buf_reg* registration, unsigned flags);
int __wrap_io_uring_register_buf_ring(io_uring* ring, io_uring_buf_reg* registration, unsigned flags) {
  if (const int error = verdict(Call::ring_register); error != 0) return -error;
  return __real_io_uring_register_buf_ring(ring, registration, flags);
}

int __real_io_uring_submit(io_uring* ring);
int __wrap_io_uring_submit(io_uring* ring) {
  return tidegate::faults::enter(*ring, [=] { return __real_io_uring_submit(ring); });
}

int __real_io_uring_submit_and_get_events(io_uring* ring);
int __wrap_io_uring_submit_and_get_events(io_uring* ring) {
  return tidegate::faults::enter(*ring, [=] { return __real_io_uring_submit_and_get_events(ring); });
}

int __real_io_uring_submit_and_wait(io_uring* ring, unsigned count);
int __wrap_io_uring_submit_and_wait(io_uring* ring, unsigned count) {
  return tidegate::faults::enter(*ring, [=] { return __real_io_uring_submit_and_wait(ring, count); });
}

int __real_io_uring_submit_and_wait_timeout(io_uring* ring, io_uring_cqe** first, unsigned count,
                                            __kernel_timespec* limit, sigset_t* mask);
int __wrap_io_uring_submit_and_wait_timeout(io_uring* ring, io_uring_cqe** first, unsigned count,
                                            __kernel_timespec* limit, sigset_t* mask) {
  return tidegate::faults::enter(
      *ring, [=] { return __real_io_uring_submit_and_wait_timeout(ring, first, count, limit, mask); });
}

}  // extern "C"

#endif  // TIDEGATE_HAS_IO_URING
