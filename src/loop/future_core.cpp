// The life of a future, whatever its result: see detail/future_core.hpp.
#include <tidegate/detail/future_core.hpp>
#include <tidegate/detail/task_core.hpp>
#include <tidegate/error.hpp>
#include <tidegate/loop.hpp>

#include "base/log.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace tidegate::detail {

bool is_cancelled_error(const std::exception_ptr& exception) noexcept {
  if (exception == nullptr) return false;
  try {
    std::rethrow_exception(exception);
  } catch (const CancelledError&) {
    return true;
  } catch (...) {
    return false;  // only its type was asked for
  }
}

std::exception_ptr make_cancelled(const std::string& reason) {
  return std::make_exception_ptr(CancelledError(reason));
}

FutureCore::FutureCore(Loop& loop, void* result_slot, Kind kind)
    : link_(&task_registry(loop).link()), result_slot_(result_slot), is_task_(kind == Kind::task) {}

FutureCore::~FutureCore() {
  forget_waiters();
  if (exception_ != nullptr && !retrieved_ && !quiet_) report_never_retrieved();
}

Loop& FutureCore::living_loop() const {
  Loop* loop = link_->loop();
  if (loop == nullptr) throw InvalidStateError("The event loop of this future is destroyed");
  return *loop;
}

bool FutureCore::cancel(const std::string& reason) {
  retrieved_ = true;  // whoever cancels does not care for an exception, as in asyncio
  if (done()) return false;
  finish_cancelled(make_cancelled(reason));
  return true;
}

std::exception_ptr FutureCore::exception() {
  if (state_ == State::cancelled) std::rethrow_exception(exception_);
  if (state_ == State::pending) throw InvalidStateError("Exception is not set.");
  return failure();
}

std::exception_ptr FutureCore::failure() noexcept {
  retrieved_ = true;
  return exception_;
}

void FutureCore::require_result() {
  if (state_ == State::pending) throw InvalidStateError("Result is not set.");
  retrieved_ = true;
  if (exception_ != nullptr) std::rethrow_exception(exception_);
}

void FutureCore::require_settable(const char* operation) const {
  if (const Loop* home = loop()) check_thread(*home);
  if (is_task_) throw InvalidStateError(std::string("Task does not support ") + operation + " operation");
  if (done()) throw InvalidStateError("invalid state");
}

void FutureCore::finish_with_exception(std::exception_ptr exception) {
  if (exception == nullptr) throw std::invalid_argument("an exception was expected, got null");
  retrieved_ = false;
  exception_ = std::move(exception);
  finish(State::finished);
}

void FutureCore::finish_cancelled(std::exception_ptr exception) {
  retrieved_ = true;  // a cancellation is never reported
  exception_ = std::move(exception);
  finish(State::cancelled);
}

void FutureCore::abandon(std::exception_ptr exception) noexcept {
  retrieved_ = true;
  exception_ = std::move(exception);
  state_ = State::cancelled;
  forget_waiters();
}

void FutureCore::add_waiter(DoneWaiter& waiter) {
  if (!done()) {
    if (first_ != nullptr || !rest_.empty()) {
      rest_.push_back(&waiter);
    } else {
      first_ = &waiter;
    }
    return;
  }
  Loop* loop = link_->loop();
  if (loop == nullptr || loop->is_closed()) {
    waiter.forget();
    return;
  }
  waiter.hold(*this);
  schedule(*loop, waiter);
}

void FutureCore::remove_waiter(DoneWaiter& waiter) noexcept {
  if (first_ == &waiter) {
    first_ = nullptr;
    return;
  }
  const auto found = std::find(rest_.begin(), rest_.end(), &waiter);
  if (found != rest_.end()) rest_.erase(found);
}

void FutureCore::finish(State state) {
  state_ = state;
  Loop* loop = link_->loop();
  if (loop == nullptr || loop->is_closed()) {
    forget_waiters();
    return;
  }
  const auto tell = [this, loop](DoneWaiter& waiter) {
    waiter.hold(*this);
    schedule(*loop, waiter);
  };
  if (first_ != nullptr) tell(*std::exchange(first_, nullptr));
  for (DoneWaiter* waiter : std::exchange(rest_, {})) tell(*waiter);
}

void FutureCore::forget_waiters() noexcept {
  // Out of the future first: a callback that is destroyed may look at it.
  DoneWaiter* const first = std::exchange(first_, nullptr);
  const std::vector<DoneWaiter*> rest = std::exchange(rest_, {});
  if (first != nullptr) first->forget();
  for (DoneWaiter* waiter : rest) waiter->forget();
}

void FutureCore::report_never_retrieved() noexcept {
  if (is_cancelled_error(exception_)) return;
  const char* message =
      is_task_ ? "Task exception was never retrieved" : "Future exception was never retrieved";
  try {
    if (Loop* loop = link_->loop()) {
      loop->call_exception_handler({.message = message, .exception = exception_});
    } else {
      base::log(LogLevel::error, std::string(message) + ": " + describe(exception_));
    }
  } catch (...) {
    base::log(LogLevel::error, message);  // out of memory: at least that much
  }
}

}  // namespace tidegate::detail
