// Deadlines for parts of a task: see timeout.hpp.
#include <tidegate/timeout.hpp>

#include <utility>

namespace tidegate {

void Timeout::reschedule(std::optional<TimePoint> when) {
  if (state_ == State::created) throw InvalidStateError("Timeout has not been entered");
  if (state_ == State::expiring) throw InvalidStateError("Cannot change state of expiring Timeout");
  if (state_ == State::expired) throw InvalidStateError("Cannot change state of expired Timeout");
  if (state_ == State::finished) throw InvalidStateError("Cannot change state of finished Timeout");
  when_ = when;
  stop_timer();
  if (!when) return;
  Loop& loop = task_->living_loop();
  if (*when <= loop.time()) {
    soon_ = loop.call_soon([this] { expire(); });
  } else {
    timer_ = loop.call_at(*when, [this] { expire(); });
  }
}

void Timeout::enter(std::optional<TimePoint> when) {
  task_ = Ref<detail::TaskCore>(detail::TaskCore::current());
  if (!task_) throw InvalidStateError("Timeout should be used inside a task");
  state_ = State::active;
  cancelling_before_ = task_->cancelling();
  reschedule(when);
}

bool Timeout::leave(bool with_cancelled_error) noexcept {
  stop_timer();
  if (state_ == State::active) state_ = State::finished;
  if (state_ != State::expiring) return false;
  state_ = State::expired;
  // More requests than before: somebody else wants the task to stop, and the error is theirs.
  return task_->uncancel() <= cancelling_before_ && with_cancelled_error;
}

void Timeout::expire() {
  state_ = State::expiring;
  task_->cancel({});
}

void Timeout::stop_timer() noexcept {
  soon_.cancel();
  timer_.cancel();
  soon_ = {};
  timer_ = {};
}

}  // namespace tidegate
