// Receipts for scheduled callbacks, with which they can be cancelled.
#pragma once

#include <chrono>

namespace tidegate {

/// A span of time, in nanoseconds; every std::chrono duration of whole numbers converts to it.
using Duration = std::chrono::nanoseconds;
/// The loop's clock: monotonic, unaffected by changes of the system's time.
using TimePoint = std::chrono::time_point<std::chrono::steady_clock, Duration>;

namespace detail {
class ScheduledCall;
class ScheduledTimer;
}  // namespace detail

/// A callback that `call_soon` or `call_soon_threadsafe` will run. Dropping the handle changes nothing.
///
/// Thread: that of the loop; a handle from `call_soon_threadsafe` may be held, cancelled and dropped on any
/// thread.
class Handle {
 public:
  Handle() noexcept = default;
  explicit Handle(detail::ScheduledCall* adopted) noexcept : call_(adopted) {}
  Handle(const Handle& other) noexcept;
  Handle(Handle&& other) noexcept : call_(other.call_) { other.call_ = nullptr; }
  Handle& operator=(Handle other) noexcept;
  ~Handle();

  /// The callback will not run. Idempotent; without effect once it has run or is running.
  void cancel() noexcept;
  /// True once `cancel()` was called.
  [[nodiscard]] bool cancelled() const noexcept;

 private:
  detail::ScheduledCall* call_ = nullptr;
};

/// A callback that `call_later` or `call_at` will run. Cancelling frees what the callback holds at once
/// (contract E1).
///
/// Thread: that of the loop.
class TimerHandle {
 public:
  TimerHandle() noexcept = default;
  explicit TimerHandle(detail::ScheduledTimer* adopted) noexcept : timer_(adopted) {}
  TimerHandle(const TimerHandle& other) noexcept;
  TimerHandle(TimerHandle&& other) noexcept : timer_(other.timer_) { other.timer_ = nullptr; }
  TimerHandle& operator=(TimerHandle other) noexcept;
  ~TimerHandle();

  /// The callback will not run. Idempotent; without effect once it has run or is running.
  void cancel() noexcept;
  /// True once `cancel()` was called.
  [[nodiscard]] bool cancelled() const noexcept;
  /// The deadline, on the loop's clock. REQUIRES: not default-constructed.
  [[nodiscard]] TimePoint when() const noexcept;

 private:
  detail::ScheduledTimer* timer_ = nullptr;
};

}  // namespace tidegate
