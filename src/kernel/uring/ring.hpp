// One io_uring: handing requests in, collecting what became of them. Knows nothing of what they are about.
#pragma once

#include <tidegate/handle.hpp>

#include "kernel/uring/uring_options.hpp"

#include <cstdint>
#include <optional>

#include <liburing.h>

namespace tidegate::kernel {

/// One completion, as the kernel reports it.
struct Completion {
  std::uint64_t tag;
  int result;
  std::uint32_t flags;

  /// Whether the request goes on.
  [[nodiscard]] bool more() const noexcept { return (flags & IORING_CQE_F_MORE) != 0; }
};

/// A ring for one thread, with deferred task work: whatever happens to a request happens inside of `submit`,
/// `collect` and `wait`.
///
/// `submit`, `collect` and `wait` return 0 or a negative errno. -EEXIST: the ring belongs to another thread,
/// and can't be used any more but for `take`. Others (no memory at the moment, interrupted, timed out) pass:
/// what was not handed in stays for the next call.
class Ring {
 public:
  /// Throws OsError where the kernel refuses, or lacks something that we need (ENOSYS).
  explicit Ring(const UringOptions& options);
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;
  ~Ring();

  [[nodiscard]] io_uring& native() noexcept { return ring_; }

  /// Whether there is a place for one more request; otherwise `submit` is due.
  [[nodiscard]] bool has_room() const noexcept { return ::io_uring_sq_space_left(&ring_) != 0; }
  /// REQUIRES: has_room().
  [[nodiscard]] io_uring_sqe* next_entry() noexcept { return ::io_uring_get_sqe(&ring_); }
  /// Whether there are requests that the kernel has not seen.
  [[nodiscard]] bool has_unsubmitted() const noexcept { return ::io_uring_sq_ready(&ring_) != 0; }

  /// Hands in. What waits to be done may be done as well.
  int submit() noexcept;
  /// Hands in, and has the kernel do what waits to be done.
  int collect() noexcept;
  /// Hands in, and blocks until there is a completion, a signal, or the time is over.
  int wait(std::optional<Duration> timeout) noexcept;

  /// Completions that can be taken.
  [[nodiscard]] unsigned ready() const noexcept { return ::io_uring_cq_ready(&ring_); }
  /// Whether `collect` would find something, as far as the kernel tells without being called.
  [[nodiscard]] bool kernel_has_news() const noexcept {
    return (IO_URING_READ_ONCE(*ring_.sq.kflags) & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) != 0;
  }
  /// Whether there are completions that `collect` has to fetch, for they did not fit.
  [[nodiscard]] bool overflows() const noexcept {
    return (IO_URING_READ_ONCE(*ring_.sq.kflags) & IORING_SQ_CQ_OVERFLOW) != 0;
  }
  /// The next completion. REQUIRES: ready() > 0.
  [[nodiscard]] Completion take() noexcept {
    const io_uring_cqe& entry = ring_.cq.cqes[*ring_.cq.khead & *ring_.cq.kring_mask];
    const Completion completion{entry.user_data, entry.res, entry.flags};
    ::io_uring_cq_advance(&ring_, 1);
    return completion;
  }

 private:
  io_uring ring_{};
};

}  // namespace tidegate::kernel
