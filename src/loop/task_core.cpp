// The steps of a task, its cancellation and its end: see detail/task_core.hpp.
#include <tidegate/detail/executor_call.hpp>
#include <tidegate/detail/task_core.hpp>
#include <tidegate/error.hpp>
#include <tidegate/loop.hpp>

#include "base/log.hpp"
#include "loop/loop_core.hpp"

#include <atomic>
#include <new>
#include <utility>

namespace tidegate::detail {

namespace {

thread_local TaskCore* current_on_this_thread = nullptr;

/// Above zero while coroutines are destroyed on this thread that need no warning: what they hold goes
/// unawaited with them.
thread_local int silent_destructions = 0;

class SilentDestruction {
 public:
  SilentDestruction() noexcept { ++silent_destructions; }
  SilentDestruction(const SilentDestruction&) = delete;
  SilentDestruction& operator=(const SilentDestruction&) = delete;
  ~SilentDestruction() { --silent_destructions; }
};

std::uint64_t next_number() noexcept {
  static std::atomic<std::uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

/// Without its words where there is no memory for them.
std::exception_ptr cancelled_by_closing() noexcept {
  try {
    return make_cancelled("the event loop was closed");
  } catch (const std::bad_alloc&) {
    return make_cancelled({});
  }
}

}  // namespace

void destroy_never_awaited(std::coroutine_handle<> frame) noexcept {
  if (silent_destructions == 0) {
    base::log(LogLevel::warning, "a Task was dropped without being awaited or started: it never ran");
  }
  destroy_silently(frame);
}

void destroy_silently(std::coroutine_handle<> frame) noexcept {
  const SilentDestruction silence;
  frame.destroy();
}

void throw_not_awaitable(bool exists) {
  throw InvalidStateError(exists ? "cannot reuse already awaited coroutine"
                                 : "there is no coroutine in this Task");
}

// --- tasks -------------------------------------------------------------------------------------------------

TaskCore::TaskCore(Loop& loop, void* result_slot, std::coroutine_handle<> frame, PromiseBase& promise)
    : FutureCore(loop, result_slot, Kind::task),
      frame_(frame),
      promise_(&promise),
      resume_at_(frame),
      number_(next_number()) {}

TaskCore::~TaskCore() { destroy_frame(); }

void TaskCore::begin() {
  Loop& home = living_loop();
  promise_->start(*this, nullptr);
  task_registry(home).add(*this);
  retain();  // until it is done
  schedule_step(home);
}

/// The queue holds a share of its own: the loop may destroy the task meanwhile.
void TaskCore::schedule_step(Loop& home) noexcept {
  retain();
  schedule(home, *this);
}

TaskCore* TaskCore::current() noexcept { return current_on_this_thread; }

std::string TaskCore::name() const { return name_.empty() ? "Task-" + std::to_string(number_) : name_; }

bool TaskCore::cancel(const std::string& reason) {
  // A task that is done takes no more requests; as with every future, its exception then goes unreported.
  if (done()) return FutureCore::cancel(reason);
  ++cancel_requests_;
  const Ref<FutureCore> awaited = waiting_on_;
  if (awaited && awaited->cancel(reason)) return true;
  // There is nothing to cancel below, so that the next step is queued already or is running: the request goes
  // with it.
  pending_cancel_ = make_cancelled(reason);
  return true;
}

std::uint32_t TaskCore::uncancel() noexcept {
  if (cancel_requests_ > 0 && --cancel_requests_ == 0) pending_cancel_ = nullptr;
  return cancel_requests_;
}

void TaskCore::yield(std::coroutine_handle<> coroutine) {
  resume_at_ = coroutine;
  schedule_step(living_loop());
}

const char* TaskCore::wait(FutureCore& future, std::coroutine_handle<> coroutine) {
  if (&future == this) return "Task cannot await on itself";
  if (future.loop() != loop()) return "Task got Future attached to a different loop";
  future.add_waiter(*this);
  waiting_on_ = Ref<FutureCore>(&future);
  resume_at_ = coroutine;
  if (pending_cancel_ != nullptr) pass_on_cancel();
  return nullptr;
}

/// The task was asked to cancel during this very step: what it waits for now is cancelled instead.
void TaskCore::pass_on_cancel() {
  std::string reason;
  try {
    std::rethrow_exception(pending_cancel_);
  } catch (const CancelledError& error) {
    reason = error.reason();
  }
  const Ref<FutureCore> awaited = waiting_on_;
  if (awaited->cancel(reason)) pending_cancel_ = nullptr;
}

void TaskCore::resumed() {
  if (injected_ != nullptr) std::rethrow_exception(std::exchange(injected_, nullptr));
}

void TaskCore::resumed_from(FutureCore& future) {
  if (injected_ == nullptr) return;
  const std::exception_ptr injected = std::exchange(injected_, nullptr);
  future.mark_retrieved();
  if (!future.cancelled()) std::rethrow_exception(injected);
}

void TaskCore::run() {
  const auto share = Ref<TaskCore>::adopt(this);
  if (done()) return;  // destroyed while it was queued
  waiting_on_.reset();
  injected_ = std::exchange(pending_cancel_, nullptr);
  TaskCore* const outer = std::exchange(current_on_this_thread, this);
  if (injected_ != nullptr && !entered_) {
    end(std::exchange(injected_, nullptr), true);  // cancelled before its first step: the body never runs
  } else {
    step();
  }
  current_on_this_thread = outer;
}

void TaskCore::step() {
  entered_ = true;
  go_on(std::exchange(resume_at_, nullptr));
  while (const std::coroutine_handle<> coroutine = std::exchange(next_, nullptr)) coroutine.resume();
  if (frame_.done()) complete();
}

void TaskCore::complete() {
  std::exception_ptr failure = promise_->exception();
  bool is_cancelled = is_cancelled_error(failure);
  if (failure == nullptr && pending_cancel_ != nullptr) {
    failure = std::exchange(pending_cancel_,
                            nullptr);  // asked to cancel in its last step, with no await left to hear it
    is_cancelled = true;
  }
  if (failure == nullptr) {
    try {
      adopt_result();
    } catch (...) {
      failure = std::current_exception();  // the result could not be moved: that is the outcome then
    }
  }
  end(std::move(failure), is_cancelled);
}

void TaskCore::end(std::exception_ptr failure, bool is_cancelled) {
  const auto own_share = Ref<TaskCore>::adopt(this);
  unlink();
  if (is_cancelled) {
    finish_cancelled(std::move(failure));
  } else if (failure != nullptr) {
    finish_with_exception(std::move(failure));
  } else {
    finish_with_result();
  }
  destroy_frame();
}

void TaskCore::destroy_pending() noexcept {
  const auto own_share = Ref<TaskCore>::adopt(this);
  unlink();
  if (waiting_on_) std::exchange(waiting_on_, nullptr)->remove_waiter(*this);
  abandon(cancelled_by_closing());
  destroy_frame();
}

void TaskCore::destroy_frame() noexcept {
  if (!frame_) return;
  const std::coroutine_handle<> frame = std::exchange(frame_, nullptr);
  if (frame.done()) {
    frame.destroy();
  } else {
    destroy_silently(frame);
  }
}

// --- the registry ------------------------------------------------------------------------------------------

TaskRegistry::TaskRegistry(Loop& loop) : link_(new LoopLink(loop)) {}

TaskRegistry::~TaskRegistry() { link_->sever(); }

void TaskRegistry::add(TaskCore& task) {
  if (closed_) throw InvalidStateError("Event loop is closed");
  task.insert_before(tasks_);
}

void TaskRegistry::add(ExecutorCall& call) noexcept { call.insert_before(executor_calls_); }

std::vector<Ref<TaskCore>> TaskRegistry::all() const {
  std::vector<Ref<TaskCore>> tasks;
  for (RingLink* link = tasks_.next; link != &tasks_; link = link->next) {
    tasks.emplace_back(static_cast<TaskCore*>(link));
  }
  return tasks;
}

std::vector<Ref<TaskCore>> TaskRegistry::cancel_all() {
  std::vector<Ref<TaskCore>> tasks = all();
  for (const Ref<TaskCore>& task : tasks) task->cancel({});
  return tasks;
}

void TaskRegistry::destroy_pending() noexcept {
  closed_ = true;
  while (!executor_calls_.alone()) static_cast<ExecutorCall*>(executor_calls_.next)->let_go();
  while (!tasks_.alone()) {
    auto* task = static_cast<TaskCore*>(tasks_.next);
    link_->loop()->core().report("Task was destroyed but it is pending!", nullptr);
    task->destroy_pending();
  }
}

}  // namespace tidegate::detail

namespace tidegate {

AnyTask current_task() noexcept { return AnyTask(Ref<detail::TaskCore>(detail::TaskCore::current())); }

std::vector<AnyTask> all_tasks(Loop& loop) {
  std::vector<AnyTask> tasks;
  for (Ref<detail::TaskCore>& task : detail::task_registry(loop).all()) tasks.emplace_back(std::move(task));
  return tasks;
}

}  // namespace tidegate
