// The tasks of a group and what becomes of them: see detail/group_core.hpp.
#include <tidegate/detail/group_core.hpp>
#include <tidegate/error.hpp>
#include <tidegate/loop.hpp>

#include <utility>

namespace tidegate::detail {

GroupCore::GroupCore() : parent_(TaskCore::current()) {
  if (!parent_) throw InvalidStateError("TaskGroup cannot determine the parent task");
}

const char* GroupCore::refusal() const noexcept {
  if (exiting_ && tasks_.empty()) return "TaskGroup is finished";
  if (aborting_) return "TaskGroup is shutting down";
  return nullptr;
}

void GroupCore::adopt(Ref<FutureCore> task) {
  const auto place = tasks_.insert(tasks_.end(), std::move(task));
  try {
    (*place)->add_done_callback([self = shared_from_this(), place] { self->task_done(place); });
  } catch (...) {
    // It would be waited for in vain.
    const Ref<FutureCore> refused = std::move(*place);
    tasks_.erase(place);
    static_cast<void>(refused->cancel({}));
    throw;
  }
}

Task<void> GroupCore::leave(std::exception_ptr body_failure) {
  const auto self = shared_from_this();
  exiting_ = true;
  std::exception_ptr cancellation = is_cancelled_error(body_failure) ? body_failure : nullptr;
  if (body_failure != nullptr && !aborting_) abort();

  // More than once, because the parent may be cancelled while it waits here.
  while (!tasks_.empty()) {
    all_done_ = loop().create_future<void>();
    try {
      co_await all_done_;
    } catch (const CancelledError&) {
      if (!aborting_) {
        cancellation = std::current_exception();
        abort();
      }
    }
    all_done_ = {};
  }

  if (settle_cancel_requests()) cancellation = nullptr;
  if (cancellation != nullptr && errors_.empty()) std::rethrow_exception(cancellation);
  if (body_failure != nullptr && !is_cancelled_error(body_failure)) errors_.push_back(body_failure);
  if (!errors_.empty()) throw_errors();
}

/// Takes back the request with which the group stopped its own body; true where no other is left.
bool GroupCore::settle_cancel_requests() { return has_cancelled_parent_ && parent_->uncancel() == 0; }

void GroupCore::throw_errors() {
  // The errors come first; somebody else's request to cancel is renewed, to be heard at the next await.
  if (parent_->cancelling() > 0) {
    parent_->uncancel();
    parent_->cancel({});
  }
  throw ExceptionGroup("unhandled errors in a TaskGroup", std::exchange(errors_, {}));
}

void GroupCore::task_done(Tasks::iterator place) {
  const Ref<FutureCore> task = std::move(*place);
  tasks_.erase(place);
  if (tasks_.empty() && all_done_ && !all_done_.done()) all_done_.set_result();
  if (task->cancelled()) return;
  if (std::exception_ptr failure = task->failure()) task_failed(std::move(failure));
}

void GroupCore::task_failed(std::exception_ptr failure) {
  errors_.push_back(failure);
  if (parent_->done()) {
    loop().call_exception_handler(
        {.message = "Task has errored out but its parent task is already completed", .exception = failure});
    return;
  }
  if (aborting_ || has_cancelled_parent_) return;
  // The body may be waiting for anything: it is cancelled, and `leave` takes the request back.
  abort();
  has_cancelled_parent_ = true;
  parent_->cancel({});
}

void GroupCore::abort() {
  aborting_ = true;
  for (const Ref<FutureCore>& task : tasks_) task->cancel({});
}

}  // namespace tidegate::detail
