// Task groups: several tasks that end together.
#pragma once

#include <tidegate/callback.hpp>
#include <tidegate/detail/group_core.hpp>
#include <tidegate/error.hpp>
#include <tidegate/loop.hpp>
#include <tidegate/task.hpp>

#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace tidegate {

/// What the body of `task_group` adds its tasks to; a counted handle.
///
/// Thread: that of the loop.
class TaskGroup {
 public:
  /// For the library's own parts.
  explicit TaskGroup(std::shared_ptr<detail::GroupCore> core) noexcept : core_(std::move(core)) {}

  /// Starts a task that the group waits for; from the body or from one of its tasks. Throws InvalidStateError
  /// where the group has ended ("TaskGroup is finished") or one of its tasks has failed ("TaskGroup is
  /// shutting down"); `task` is destroyed then.
  template <typename T>
  TaskHandle<T> create_task(Task<T> task) const {
    if (const char* refusal = core_->refusal()) {
      detail::destroy_silently(std::move(task).release());
      throw InvalidStateError(refusal);
    }
    TaskHandle<T> handle = core_->loop().create_task(std::move(task));
    core_->adopt(handle.core());
    return handle;
  }

 private:
  std::shared_ptr<detail::GroupCore> core_;
};

namespace detail {

template <typename Body>
using GroupResult = typename std::invoke_result_t<std::decay_t<Body>&, TaskGroup&>::ResultType;

template <typename T, typename Body>
Task<T> run_group(Body body) {
  const auto core = std::make_shared<GroupCore>();
  TaskGroup group(core);
  std::exception_ptr failure;
  std::optional<Stored<T>> result;
  try {
    if constexpr (std::is_void_v<T>) {
      co_await body(group);
    } else {
      result.emplace(co_await body(group));
    }
  } catch (...) {
    failure = std::current_exception();
  }
  co_await core->leave(failure);
  if constexpr (!std::is_void_v<T>) co_return std::move(*result);
}

}  // namespace detail

/// Runs `body`, which takes a `TaskGroup&` and returns a Task, within the current task; then waits for every
/// task that was added to the group. Returns what `body` returned: asyncio's `async with TaskGroup()`.
///
/// The first that fails, body or task, cancels all others, the body included. When all have ended, an
/// ExceptionGroup is thrown with every error in the order of failing ("unhandled errors in a TaskGroup"). A
/// task that is cancelled is no error. A cancellation from outside cancels everything, and comes out as
/// CancelledError where nothing else failed.
///
/// Lifetime: `body` is kept until all has ended.
template <typename Body>
[[nodiscard]] auto task_group(Body&& body) -> Task<detail::GroupResult<Body>> {
  detail::check_awaited_callable<Body>();
  return detail::run_group<detail::GroupResult<Body>, std::decay_t<Body>>(std::forward<Body>(body));
}

}  // namespace tidegate
