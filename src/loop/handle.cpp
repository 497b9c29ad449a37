// The public receipts over what they refer to.
#include <tidegate/handle.hpp>

#include "loop/scheduled_call.hpp"
#include "loop/timer_queue.hpp"

#include <utility>

namespace tidegate {

Handle::Handle(const Handle& other) noexcept : call_(other.call_) {
  if (call_ != nullptr) call_->retain();
}

Handle& Handle::operator=(Handle other) noexcept {
  std::swap(call_, other.call_);
  return *this;
}

Handle::~Handle() {
  if (call_ != nullptr) call_->release();
}

void Handle::cancel() noexcept {
  if (call_ != nullptr) call_->cancel();
}

bool Handle::cancelled() const noexcept { return call_ != nullptr && call_->cancelled(); }

TimerHandle::TimerHandle(const TimerHandle& other) noexcept : timer_(other.timer_) {
  if (timer_ != nullptr) timer_->retain();
}

TimerHandle& TimerHandle::operator=(TimerHandle other) noexcept {
  std::swap(timer_, other.timer_);
  return *this;
}

TimerHandle::~TimerHandle() {
  if (timer_ != nullptr) timer_->release();
}

void TimerHandle::cancel() noexcept {
  if (timer_ != nullptr) timer_->cancel();
}

bool TimerHandle::cancelled() const noexcept { return timer_ != nullptr && timer_->cancelled(); }

TimePoint TimerHandle::when() const noexcept { return timer_->when(); }

}  // namespace tidegate
