// Futures: results that are not there yet. Knows nothing of coroutines; a Task is what awaits one.
#pragma once

#include <tidegate/detail/future_core.hpp>
#include <tidegate/detail/future_state.hpp>
#include <tidegate/error.hpp>
#include <tidegate/ref.hpp>

#include <concepts>
#include <exception>
#include <string>
#include <type_traits>
#include <utility>

namespace tidegate {

/// A result that somebody will provide: asyncio's `Future`. A counted handle, as cheap to copy as a pointer;
/// all copies are the same future.
///
/// `co_await future` gives the result once it is there, or throws what was set instead: a copy of the result.
/// From `co_await std::move(future)`, and from a temporary such as `co_await loop.create_task(f())`, the
/// result is moved out where no other handle could tell the difference or where it can't be copied; else
/// copied. (A struct that can't be copied although it looks as if it could, because it holds a vector of
/// std::unique_ptr, has to delete its copy constructor.) Cancelling the task that awaits cancels the future.
///
/// An exception that nobody asked for is told to the loop's exception handler when the last handle goes
/// ("Future exception was never retrieved").
///
/// Lifetime: a handle may outlive the loop; completing a future then calls nobody.
/// Thread: that of the loop.
template <typename T = void>
class Future {
  static_assert(!std::is_reference_v<T>,
                "a Future holds a value; give it a pointer or a std::reference_wrapper");

 public:
  using ResultType = T;

  /// No future. REQUIRES of every member below: not this.
  Future() noexcept = default;
  /// For the library's own parts. REQUIRES: the core stores a T.
  explicit Future(Ref<detail::FutureCore> core) noexcept : core_(std::move(core)) {}

  /// Whether there is an outcome: a result, an exception, or cancellation.
  [[nodiscard]] bool done() const noexcept { return core_->done(); }
  [[nodiscard]] bool cancelled() const noexcept { return core_->cancelled(); }

  /// The result. Throws what was set instead of one, CancelledError where it was cancelled, and
  /// InvalidStateError ("Result is not set.") while it is pending. Lifetime: the reference as long as a
  /// handle, unless the result is moved out.
  [[nodiscard]] std::add_lvalue_reference_t<const T> result() const& {
    core_->require_result();
    if constexpr (!std::is_void_v<T>) return *detail::result_of<T>(*core_);
  }
  /// As above, and gives this handle up: moved out where no other handle could tell or where T can't be
  /// copied, else a copy.
  T result() && {
    const Ref<detail::FutureCore> core = std::move(core_);
    core->require_result();
    if constexpr (!std::is_void_v<T>) return detail::take_result<T>(*core);
  }

  /// What it failed with; null where there is a result. Throws CancelledError where it was cancelled,
  /// InvalidStateError
  /// ("Exception is not set.") while it is pending.
  [[nodiscard]] std::exception_ptr exception() const { return core_->exception(); }

  /// Completes it. Throws InvalidStateError where it is done already ("invalid state"), or is a task's.
  template <typename U = T>
  requires(!std::is_void_v<T> && std::constructible_from<T, U&&>) void set_result(U&& value) const {
    core_->require_settable("set_result");
    detail::store_result<T>(*core_, std::forward<U>(value));
    core_->finish_with_result();
  }
  void set_result() const requires std::is_void_v<T> {
    core_->require_settable("set_result");
    core_->finish_with_result();
  }

  /// Completes it with an exception. Throws as `set_result`, and std::invalid_argument for null.
  void set_exception(std::exception_ptr exception) const {
    core_->require_settable("set_exception");
    core_->finish_with_exception(std::move(exception));
  }

  /// Asks for cancellation: a plain future is cancelled at once, a task gets CancelledError at its await.
  /// `reason` is for people. False where it is done already.
  bool cancel(const std::string& reason = {}) const { return core_->cancel(reason); }

  /// Calls `callback` with this future soon after it is done, or soon where it is done already: from the
  /// loop, in the order of the calls, never inside this call. What it throws is told to the loop's exception
  /// handler. Lifetime: the callback is destroyed after its call, or with the future; a callback that holds a
  /// handle of the future it was added to keeps it alive for as long as it is pending.
  template <typename Function>
  requires std::invocable < std::decay_t<Function>
  &, Future < T >> void add_done_callback(Function&& callback) const {
    core_->add_done_callback(
        [callback = std::decay_t<Function>(std::forward<Function>(callback))](
            detail::FutureCore& done) mutable { callback(Future(Ref<detail::FutureCore>(&done))); });
  }

  explicit operator bool() const noexcept { return static_cast<bool>(core_); }
  /// Whether both are the same future.
  friend bool operator==(const Future& left, const Future& right) noexcept {
    return left.core_ == right.core_;
  }

  /// For the library's own parts.
  [[nodiscard]] const Ref<detail::FutureCore>& core() const& noexcept { return core_; }
  [[nodiscard]] Ref<detail::FutureCore> core() && noexcept { return std::move(core_); }

 private:
  Ref<detail::FutureCore> core_;
};

}  // namespace tidegate
