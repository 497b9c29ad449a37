// The door for other threads: what they want run waits here until the loop fetches it (contract E2).
#pragma once

#include "kernel/backend.hpp"
#include "loop/ready_queue.hpp"
#include "loop/scheduled_call.hpp"

#include <atomic>
#include <mutex>

namespace tidegate::loop {

/// Thread: `push` any; the others the loop's.
class RemoteCalls {
 public:
  explicit RemoteCalls(kernel::Backend& backend) noexcept : backend_(backend) {}

  /// Queues a call and wakes the loop; false, and nothing is taken, once closed.
  [[nodiscard]] bool push(detail::ScheduledCall& call) noexcept {
    // The wake-up stays under the lock: after `close` nobody may touch the backend any more.
    const std::lock_guard lock(mutex_);
    if (closed_) return false;
    const bool first = waiting_.empty();
    waiting_.push(call);
    any_.store(true, std::memory_order_release);
    if (first) backend_.wake();  // whoever came before has woken it already
    return true;
  }

  /// Moves everything that waits behind `ready`.
  void fetch(detail::ReadyQueue& ready) noexcept {
    // Who sets it wakes the loop afterwards, so one that is missed here is seen in the next iteration.
    if (!any_.load(std::memory_order_acquire)) return;
    const std::lock_guard lock(mutex_);
    any_.store(false, std::memory_order_relaxed);
    ready.append(waiting_);
  }

  /// Refuses everything from now on.
  void close() noexcept {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }

 private:
  kernel::Backend& backend_;  // Lifetime: outlives this; both belong to the loop
  std::mutex mutex_;
  detail::ReadyQueue waiting_;
  std::atomic<bool> any_{false};  // what `waiting_` holds, for the loop to see without the lock
  bool closed_ = false;
};

}  // namespace tidegate::loop
