// Deadlines for parts of a task.
#pragma once

#include <tidegate/callback.hpp>
#include <tidegate/detail/waiting.hpp>
#include <tidegate/error.hpp>
#include <tidegate/handle.hpp>
#include <tidegate/loop.hpp>
#include <tidegate/task.hpp>

#include <concepts>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>

namespace tidegate {

/// The deadline of the body that `timeout` runs: asyncio's `Timeout`.
///
/// Lifetime: given to the body by reference, and gone when that has ended.
/// Thread: that of the loop.
class Timeout {
 public:
  /// For the library's own parts: not yet begun.
  Timeout() noexcept = default;
  Timeout(const Timeout&) = delete;
  Timeout& operator=(const Timeout&) = delete;
  ~Timeout() { stop_timer(); }

  /// When the body will be cancelled, on the loop's clock; none: never.
  [[nodiscard]] std::optional<TimePoint> when() const noexcept { return when_; }
  /// Puts the deadline somewhere else; one that has passed takes effect in the next iteration. Throws
  /// InvalidStateError where the body has been cancelled already or has ended.
  void reschedule(std::optional<TimePoint> when);
  /// Whether the deadline has passed and the body was cancelled for it.
  [[nodiscard]] bool expired() const noexcept {
    return state_ == State::expiring || state_ == State::expired;
  }

  /// For the library's own parts: the deadline holds for the current task from here on.
  void enter(std::optional<TimePoint> when);
  /// For the library's own parts: the body has ended, with CancelledError or without. True where that error
  /// came from the deadline and from nobody else.
  [[nodiscard]] bool leave(bool with_cancelled_error) noexcept;

 private:
  enum class State : std::uint8_t { created, active, expiring, expired, finished };

  void expire();
  void stop_timer() noexcept;

  Ref<detail::TaskCore> task_;
  std::optional<TimePoint> when_;
  Handle soon_;
  TimerHandle timer_;
  std::uint32_t cancelling_before_ = 0;
  State state_ = State::created;
};

namespace detail {

template <typename Body>
auto call_timed_body(Body& body, Timeout& timeout) {
  if constexpr (std::is_invocable_v<Body&, Timeout&>) {
    return body(timeout);
  } else {
    return body();
  }
}

template <typename Body>
using TimedResult = typename decltype(call_timed_body(std::declval<std::decay_t<Body>&>(),
                                                      std::declval<Timeout&>()))::ResultType;

/// REQUIRES: at most one of `delay` and `when`.
template <typename T, typename Body>
Task<T> run_timed(std::optional<Duration> delay, std::optional<TimePoint> when, Body body) {
  Timeout timeout;
  if (delay) when = deadline_after(get_running_loop(), *delay);
  timeout.enter(when);
  try {
    if constexpr (std::is_void_v<T>) {
      co_await call_timed_body(body, timeout);
      static_cast<void>(timeout.leave(false));
    } else {
      T result = co_await call_timed_body(body, timeout);
      static_cast<void>(timeout.leave(false));
      co_return std::move(result);
    }
  } catch (const CancelledError&) {
    if (timeout.leave(true)) throw TimeoutError();
    throw;
  } catch (...) {
    static_cast<void>(timeout.leave(false));
    throw;
  }
}

/// `wait_for` with no time at all: what is not done already is cancelled, and a task that has not begun never
/// begins.
template <typename T>
Task<T> cancel_and_take(Future<T> future) {
  if (!future.done()) {
    future.cancel();
    co_await wait_done(future.core());
    if (is_cancelled_error(future.core()->failure())) throw TimeoutError();
  }
  co_return std::move(future).result();
}

template <typename T, typename Waited>
Task<T> wait_for(Waited waited, std::optional<Duration> limit) {
  if (limit && *limit <= Duration::zero()) {
    co_return co_await cancel_and_take(ensure_future(get_running_loop(), std::move(waited)));
  }
  const auto body = [&waited]() -> Task<T> { co_return co_await std::move(waited); };
  co_return co_await run_timed<T>(limit, std::nullopt, body);
}

}  // namespace detail

/// Runs `body`, which takes nothing or a `Timeout&` and returns a Task, within the current task. Where
/// `delay` passes before it ends, it is cancelled, and the CancelledError that comes out of it becomes
/// TimeoutError; where somebody else cancelled the task, too, it stays CancelledError. Zero and less cancels
/// it at its first await that has to wait. None: no deadline, though the body may set one. The time counts
/// from the await.
///
/// Lifetime: `body` is kept until it has ended.
template <typename Body>
[[nodiscard]] auto timeout(std::optional<Duration> delay, Body&& body) -> Task<detail::TimedResult<Body>> {
  detail::check_awaited_callable<Body>();
  return detail::run_timed<detail::TimedResult<Body>, std::decay_t<Body>>(delay, std::nullopt,
                                                                          std::forward<Body>(body));
}

/// As `timeout`, until a moment on the loop's clock.
template <typename Body>
[[nodiscard]] auto timeout_at(std::optional<TimePoint> when, Body&& body) -> Task<detail::TimedResult<Body>> {
  detail::check_awaited_callable<Body>();
  return detail::run_timed<detail::TimedResult<Body>, std::decay_t<Body>>(std::nullopt, when,
                                                                          std::forward<Body>(body));
}

/// Waits for `task`, which runs within the current one, and for `limit` at most: then it is cancelled, and
/// TimeoutError is thrown once it has ended; what it returns in spite of that is returned. With zero and less
/// it never begins. None: no limit.
template <typename T>
[[nodiscard]] Task<T> wait_for(Task<T> task, std::optional<Duration> limit) {
  return detail::wait_for<T>(std::move(task), limit);
}

/// As above, for a future or a task that runs already. To leave it running, wait for `shield(future)`.
template <typename T>
[[nodiscard]] Task<T> wait_for(Future<T> future, std::optional<Duration> limit) {
  return detail::wait_for<T>(std::move(future), limit);
}

}  // namespace tidegate
