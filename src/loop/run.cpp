// The end of `run`: what is left of a program when its main task has ended.
#include <tidegate/detail/loop_templates.hpp>
#include <tidegate/detail/waiting.hpp>

#include "base/log.hpp"
#include "loop/running_loop.hpp"

#include <utility>
#include <vector>

namespace tidegate::detail {

namespace {

Task<void> wait_for_all(std::vector<Ref<TaskCore>> tasks) {
  for (const Ref<TaskCore>& task : tasks) co_await wait_done(task);
}

void report_failure(Loop& loop, TaskCore& task) {
  if (!task.done() || task.cancelled()) return;
  const std::exception_ptr failure = task.failure();
  if (failure == nullptr) return;
  loop.call_exception_handler({.message = "unhandled exception during run() shutdown", .exception = failure});
}

}  // namespace

void check_runnable(const Loop& loop) {
  if (loop.is_closed()) throw InvalidStateError("Event loop is closed");
  if (loop.is_running()) throw InvalidStateError("This event loop is already running");
  if (loop::RunningLoop::get() != nullptr) {
    throw InvalidStateError("Cannot run the event loop while another loop is running");
  }
}

void finish_remaining_tasks(Loop& loop) noexcept {
  try {
    const std::vector<Ref<TaskCore>> left = task_registry(loop).cancel_all();
    if (left.empty()) return;
    loop.run_until_complete(wait_for_all(left));
    for (const Ref<TaskCore>& task : left) report_failure(loop, *task);
  } catch (const std::exception& error) {
    // A task stopped the loop instead of ending: closing it destroys what is left, and reports each.
    base::log(LogLevel::error, std::string("run() could not wait for every task: ") + error.what());
  }
}

}  // namespace tidegate::detail
