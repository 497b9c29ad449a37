// Tasks: coroutines, and handles to those that run on their own. Knows the loop only as what starts them.
#pragma once

#include <tidegate/detail/task_core.hpp>
#include <tidegate/detail/task_promise.hpp>
#include <tidegate/future.hpp>

#include <coroutine>
#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace tidegate {

/// A coroutine that has not begun: what a function with `co_await` or `co_return` in it returns. It runs when
/// it is awaited, as part of the task that awaits it, or when `Loop::create_task` starts it as a task of its
/// own. One that is dropped having done neither leaves a warning in the log.
///
/// Awaiting throws what the coroutine throws, and InvalidStateError where it was awaited before. Awaiting
/// neither grows the stack nor goes through the loop: a coroutine that does not have to wait costs no
/// iteration.
///
/// Inside a coroutine, Tasks and Futures can be awaited, and the reads of a StreamReader; nothing else.
///
/// Lifetime: of the parameters of a coroutine only those passed by value are sure to live until it ends.
/// Thread: that of the loop it runs on.
template <typename T = void>
class [[nodiscard]] Task {
  static_assert(!std::is_reference_v<T>,
                "a Task returns a value; give it a pointer or a std::reference_wrapper");

 public:
  using ResultType = T;
  using promise_type = detail::TaskPromise<T>;  // the name that the language asks for

  /// No coroutine. Awaiting it throws InvalidStateError.
  Task() noexcept = default;
  Task(Task&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
  Task& operator=(Task&& other) noexcept {
    Task taken(std::move(other));
    std::swap(frame_, taken.frame_);
    return *this;
  }
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;

  ~Task() {
    if (!frame_) return;
    if (frame_.promise().started()) {
      frame_.destroy();
    } else {
      detail::destroy_never_awaited(frame_);
    }
  }

  explicit operator bool() const noexcept { return static_cast<bool>(frame_); }

  /// For the library's own parts: the coroutine. Throws InvalidStateError unless it can be started.
  [[nodiscard]] std::coroutine_handle<promise_type> startable() const {
    if (!frame_ || frame_.promise().started()) detail::throw_not_awaitable(static_cast<bool>(frame_));
    return frame_;
  }
  /// For the library's own parts: the coroutine, of which the caller takes possession. Throws as `startable`.
  [[nodiscard]] std::coroutine_handle<promise_type> release() && {
    const auto frame = startable();
    frame_ = nullptr;
    return frame;
  }

 private:
  friend promise_type;
  explicit Task(std::coroutine_handle<promise_type> frame) noexcept : frame_(frame) {}

  std::coroutine_handle<promise_type> frame_;
};

/// A task whose result does not matter to the holder: a counted handle, cheap to copy.
///
/// Thread: that of the loop.
class AnyTask {
 public:
  /// No task. REQUIRES of every member below: not this.
  AnyTask() noexcept = default;
  /// For the library's own parts.
  explicit AnyTask(Ref<detail::TaskCore> core) noexcept : core_(std::move(core)) {}

  /// Whether it has ended: returned, thrown, or been cancelled.
  [[nodiscard]] bool done() const noexcept { return core_->done(); }
  [[nodiscard]] bool cancelled() const noexcept { return core_->cancelled(); }
  /// Asks it to stop: CancelledError is thrown at its await, soon. It may catch that and go on, or take its
  /// time to clean up. A task that has not begun never begins; one that cancels itself gets it at its next
  /// await that has to wait. False where it is done already.
  bool cancel(const std::string& reason = {}) const { return core_->cancel(reason); }
  /// How many requests to cancel have not been taken back.
  [[nodiscard]] std::uint32_t cancelling() const noexcept { return core_->cancelling(); }
  /// Takes one request back, by whoever made it; returns how many remain. When none does, a CancelledError
  /// that was not thrown yet will not be.
  std::uint32_t uncancel() const noexcept { return core_->uncancel(); }
  /// Its name, for people: "Task-7" unless set.
  [[nodiscard]] std::string get_name() const { return core_->name(); }
  void set_name(std::string name) const { core_->set_name(std::move(name)); }

  explicit operator bool() const noexcept { return static_cast<bool>(core_); }
  /// Whether both are the same task.
  friend bool operator==(const AnyTask& left, const AnyTask& right) noexcept {
    return left.core_ == right.core_;
  }

 private:
  Ref<detail::TaskCore> core_;
};

/// A coroutine that runs as a task of its own, from `Loop::create_task`: a future of what it returns. The
/// task runs to its end also when every handle is dropped.
///
/// `set_result` and `set_exception` throw InvalidStateError.
template <typename T = void>
class TaskHandle : public Future<T> {
 public:
  /// No task. REQUIRES of every member below: not this.
  TaskHandle() noexcept = default;
  /// For the library's own parts.
  explicit TaskHandle(Ref<detail::TaskState<T>> core) noexcept : Future<T>(std::move(core)) {}

  /// As in AnyTask.
  [[nodiscard]] std::uint32_t cancelling() const noexcept { return task().cancelling(); }
  /// As in AnyTask.
  std::uint32_t uncancel() const noexcept { return task().uncancel(); }
  /// As in AnyTask.
  [[nodiscard]] std::string get_name() const { return task().name(); }
  void set_name(std::string name) const { task().set_name(std::move(name)); }

  operator AnyTask() const {
    return AnyTask(Ref<detail::TaskCore>(&task()));
  }  // NOLINT(google-explicit-constructor)

 private:
  [[nodiscard]] detail::TaskCore& task() const noexcept {
    return static_cast<detail::TaskCore&>(*this->core());
  }
};

/// The task that runs this code; none (`!current_task()`) outside of one, as in a callback.
/// Thread: any; each has its own answer.
[[nodiscard]] AnyTask current_task() noexcept;

/// The tasks of a loop that have not ended, oldest first.
[[nodiscard]] std::vector<AnyTask> all_tasks(Loop& loop);

namespace detail {

template <typename T>
Task<T> TaskPromise<T>::get_return_object() noexcept {
  return Task<T>(std::coroutine_handle<TaskPromise>::from_promise(*this));
}

inline Task<void> TaskPromise<void>::get_return_object() noexcept {
  return Task<void>(std::coroutine_handle<TaskPromise>::from_promise(*this));
}

}  // namespace detail

}  // namespace tidegate
