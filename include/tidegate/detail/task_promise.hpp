// What a coroutine that returns a Task may await, and how it goes on afterwards. Not for users.
#pragma once

#include <tidegate/detail/task_core.hpp>
#include <tidegate/future.hpp>

#include <concepts>
#include <coroutine>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

namespace tidegate {
template <typename T>
class Task;
}

namespace tidegate::detail {

template <typename T>
class TaskPromise;

/// `co_await kYield` lets everything that is ready run once.
struct Yield {};
inline constexpr Yield kYield{};

class YieldAwaiter {
 public:
  explicit YieldAwaiter(TaskCore& task) noexcept : task_(task) {}

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> coroutine) const { task_.yield(coroutine); }
  void await_resume() const { task_.resumed(); }

 private:
  TaskCore& task_;
};

/// Waits for a future, of which it holds a share: the variable that the program awaits may be assigned to
/// meanwhile.
template <typename T>
class FutureAwaiterBase {
 public:
  FutureAwaiterBase(TaskCore& task, Ref<FutureCore> future) noexcept
      : task_(task), future_(std::move(future)) {}

  [[nodiscard]] bool await_ready() const noexcept { return future_->done(); }
  [[nodiscard]] bool await_suspend(std::coroutine_handle<> coroutine) {
    problem_ = task_.wait(*future_, coroutine);
    has_suspended_ = problem_ == nullptr;
    return has_suspended_;
  }

 protected:
  ~FutureAwaiterBase() = default;

  /// The future, done and with a result; throws what there is instead.
  FutureCore& finished() {
    if (problem_ != nullptr) throw InvalidStateError(problem_);
    if (has_suspended_) task_.resumed_from(*future_);
    future_->require_result();
    return *future_;
  }

 private:
  TaskCore& task_;
  Ref<FutureCore> future_;
  const char* problem_ = nullptr;
  bool has_suspended_ = false;
};

template <typename T>
class CopyingFutureAwaiter final : public FutureAwaiterBase<T> {
 public:
  using FutureAwaiterBase<T>::FutureAwaiterBase;
  T await_resume() {
    FutureCore& future = this->finished();
    if constexpr (!std::is_void_v<T>) return *result_of<T>(future);
  }
};

template <typename T>
class MovingFutureAwaiter final : public FutureAwaiterBase<T> {
 public:
  using FutureAwaiterBase<T>::FutureAwaiterBase;
  T await_resume() {
    FutureCore& future = this->finished();
    if constexpr (!std::is_void_v<T>) return take_result<T>(future);
  }
};

/// Runs another coroutine within the same task.
template <typename T>
class TaskAwaiter final {
 public:
  TaskAwaiter(TaskCore& task, std::coroutine_handle<TaskPromise<T>> child) noexcept
      : task_(task), child_(child) {}

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> parent) const noexcept {
    child_.promise().start(task_, parent);
    task_.go_on(child_);
  }
  T await_resume() const { return child_.promise().take(); }

 private:
  TaskCore& task_;
  std::coroutine_handle<TaskPromise<T>> child_;
};

/// The end of a coroutine: whoever awaits it goes on.
class FinalAwaiter {
 public:
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  template <typename Promise>
  void await_suspend(std::coroutine_handle<Promise> coroutine) const noexcept {
    PromiseBase& promise = coroutine.promise();
    if (promise.continuation()) promise.task()->go_on(promise.continuation());
  }
  void await_resume() const noexcept {}
};

/// A part of the library that a coroutine waits in without a coroutine or a future of its own making: it asks
/// `TaskCore::current` for the task, and resumes nothing by itself. Can be moved until it is awaited.
class OwnAwaiter {
 protected:
  OwnAwaiter() noexcept = default;
  ~OwnAwaiter() = default;
};

/// The promise of every Task. It admits our own awaitables only: an awaitable that resumed a coroutine from
/// anywhere but its task's step would run it outside of its task. What else has to be waited for is made a
/// Future.
class AwaitingPromise : public PromiseBase {
 public:
  [[nodiscard]] std::suspend_always initial_suspend() const noexcept { return {}; }
  [[nodiscard]] FinalAwaiter final_suspend() const noexcept { return {}; }

  template <std::derived_from<OwnAwaiter> Awaiter>
  [[nodiscard]] Awaiter await_transform(Awaiter&& awaiter) const noexcept {
    return std::move(awaiter);
  }

  [[nodiscard]] YieldAwaiter await_transform(Yield) const noexcept { return YieldAwaiter(*task()); }

  template <typename U>
  [[nodiscard]] CopyingFutureAwaiter<U> await_transform(const Future<U>& future) const {
    static_assert(kCopyable<Stored<U>>,
                  "this result can't be copied: co_await std::move(future) moves it out");
    return CopyingFutureAwaiter<U>(*task(), future.core());
  }
  template <typename U>
  [[nodiscard]] MovingFutureAwaiter<U> await_transform(Future<U>&& future) const {
    return MovingFutureAwaiter<U>(*task(), std::move(future).core());
  }

  template <typename U>
  [[nodiscard]] TaskAwaiter<U> await_transform(Task<U>& child) const {
    return TaskAwaiter<U>(*task(), child.startable());
  }
  template <typename U>
  [[nodiscard]] TaskAwaiter<U> await_transform(Task<U>&& child) const {
    return TaskAwaiter<U>(*task(), child.startable());
  }

 protected:
  ~AwaitingPromise() = default;
};

template <typename T>
class TaskPromise final : public AwaitingPromise {
 public:
  Task<T> get_return_object() noexcept;

  template <typename U = T>
  requires std::constructible_from<T, U&&>
  void return_value(U&& value) { result_.emplace(std::forward<U>(value)); }

  /// What the coroutine returned; throws what it threw. REQUIRES: ended; once.
  [[nodiscard]] T take() {
    if (exception() != nullptr) std::rethrow_exception(exception());
    return std::move(*result_);
  }

 private:
  std::optional<T> result_;
};

template <>
class TaskPromise<void> final : public AwaitingPromise {
 public:
  Task<void> get_return_object() noexcept;
  void return_void() const noexcept {}
  void take() const {
    if (exception() != nullptr) std::rethrow_exception(exception());
  }
};

/// A task that ends with a T.
template <typename T>
class TaskState final : public TaskCore {
 public:
  TaskState(Loop& loop, std::coroutine_handle<TaskPromise<T>> frame)
      : TaskCore(loop, &result_, frame, frame.promise()), frame_(frame) {}

 private:
  void adopt_result() override {
    if constexpr (std::is_void_v<T>) {
      result_.emplace();
    } else {
      result_.emplace(frame_.promise().take());
    }
  }

  std::coroutine_handle<TaskPromise<T>> frame_;  // Lifetime: the base destroys it
  std::optional<Stored<T>> result_;
};

}  // namespace tidegate::detail
