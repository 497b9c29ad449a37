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

  /// Queues a call, and wakes the loop where it sleeps; false, and nothing is taken, once closed.
  [[nodiscard]] bool push(detail::ReadyNode& call) noexcept {
    // The wake-up stays under the lock: after `close` nobody may touch the backend any more.
    const std::lock_guard lock(mutex_);
    if (closed_) return false;
    const bool first = waiting_.empty();
    waiting_.push(call);
    any_.store(true);
    if (first && sleeping_.load()) backend_.wake();  // whoever came before has woken it already
    return true;
  }

  /// From here to `wake_up`, whoever queues a call wakes the loop. False: somebody has already, and the loop
  /// must not sleep. The two atomics are set and read crosswise here and in `push`, in one total order: at
  /// least one of the two sides sees the other.
  [[nodiscard]] bool fall_asleep() noexcept {
    sleeping_.store(true);
    return !any_.load();
  }
  void wake_up() noexcept { sleeping_.store(false, std::memory_order_relaxed); }

  /// Moves everything that waits behind `ready`.
  void fetch(detail::ReadyQueue& ready) noexcept {
    if (!any_.load(std::memory_order_acquire))
      return;  // one that is missed here keeps the loop from sleeping
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
  std::atomic<bool> sleeping_{false};
  bool closed_ = false;
};

}  // namespace tidegate::loop
