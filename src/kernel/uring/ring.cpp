// One io_uring: see ring.hpp.
#include "kernel/uring/ring.hpp"

#include <tidegate/error.hpp>

#include <array>
#include <cerrno>
#include <chrono>
#include <memory>

#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
#endif

namespace tidegate::kernel {

namespace {

[[noreturn]] void refuse(int error, const char* attempted) {
  throw OsError(std::error_code(error, std::system_category()), attempted);
}

/// "One thread only, which does its own work": what Linux 6.1 and newer understand, and those have multishot
/// receives and all else that is not asked for by name below. (Without deferred work any system call of the
/// thread may receive, and a loop could not move to another one.)
constexpr unsigned kWayOfWorking =
    IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG;

constexpr std::array kOperations{IORING_OP_RECV,   IORING_OP_SEND,     IORING_OP_SENDMSG,
                                 IORING_OP_ACCEPT, IORING_OP_POLL_ADD, IORING_OP_ASYNC_CANCEL};

/// Throws where the kernel knows of no such operations, or does not let us use the ring (a sandbox may allow
/// to make one, but not to enter it).
void check(io_uring& ring) {
  const std::unique_ptr<io_uring_probe, decltype(&::io_uring_free_probe)> probe(
      ::io_uring_get_probe_ring(&ring), &::io_uring_free_probe);
  if (probe == nullptr) refuse(ENOSYS, "io_uring_register");
  for (const int operation : kOperations) {
    if (::io_uring_opcode_supported(probe.get(), operation) == 0) refuse(ENOSYS, "an operation of io_uring");
  }
  ::io_uring_prep_nop(::io_uring_get_sqe(&ring));
  if (const int outcome = ::io_uring_submit_and_wait(&ring, 1); outcome < 0)
    refuse(-outcome, "io_uring_enter");
  ::io_uring_cq_advance(&ring, 1);
}

#ifdef __SANITIZE_THREAD__
/// Stands for it all.
char ring_memory;
#endif

/// liburing maps and unmaps memory behind the thread sanitizer's back: where a new ring lies in the place of
/// an old one, the kernel has seen to the order, and the sanitizer has to be told.
void follow_the_rings_before() noexcept {
#ifdef __SANITIZE_THREAD__
  __tsan_acquire(&ring_memory);
#endif
}
void precede_the_rings_after() noexcept {
#ifdef __SANITIZE_THREAD__
  __tsan_release(&ring_memory);
#endif
}

int outcome_of(int result) noexcept { return result < 0 ? result : 0; }

}  // namespace

Ring::Ring(const UringOptions& options) {
  io_uring_params parameters{};
  parameters.flags = kWayOfWorking | IORING_SETUP_CQSIZE;
  parameters.cq_entries = options.completions;
  const int outcome = ::io_uring_queue_init_params(options.submissions, &ring_, &parameters);
  if (outcome != 0) refuse(-outcome, "io_uring_setup");
  follow_the_rings_before();
  try {
    check(ring_);
  } catch (...) {
    precede_the_rings_after();
    ::io_uring_queue_exit(&ring_);
    throw;
  }
}

Ring::~Ring() {
  precede_the_rings_after();
  ::io_uring_queue_exit(&ring_);
}

int Ring::submit() noexcept { return outcome_of(::io_uring_submit(&ring_)); }

int Ring::collect() noexcept { return outcome_of(::io_uring_submit_and_get_events(&ring_)); }

int Ring::wait(std::optional<Duration> timeout) noexcept {
  if (!timeout) return outcome_of(::io_uring_submit_and_wait(&ring_, 1));
  const auto seconds = std::chrono::floor<std::chrono::seconds>(*timeout);
  __kernel_timespec limit{.tv_sec = seconds.count(), .tv_nsec = (*timeout - seconds).count()};
  io_uring_cqe* first = nullptr;
  return outcome_of(::io_uring_submit_and_wait_timeout(&ring_, &first, 1, &limit, nullptr));
}

}  // namespace tidegate::kernel
