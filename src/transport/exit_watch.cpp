// Learning that a child has ended: see exit_watch.hpp.
#include "transport/exit_watch.hpp"

#include "base/signals_blocked.hpp"

#include <utility>

namespace tidegate::transport {

ExitWatch::~ExitWatch() {
  if (thread_.joinable()) thread_.join();
}

void ExitWatch::start(const process::Child& child) {
  if (!child.handle().valid()) return wait_in_thread(child.pid());
  core_.backend().start(*this, child.handle(), kernel::Readiness::readable);
  handle_ = child.handle();
}

void ExitWatch::wait_in_thread(pid_t pid) {
  waiting_ = std::make_shared<Waiting>();
  waiting_->core = &core_;
  waiting_->watch = this;
  const base::SignalsBlocked blocked;
  thread_ = std::thread([pid, waiting = waiting_] {
    process::wait_for_end(pid);
    const std::lock_guard lock(waiting->mutex);
    if (waiting->core == nullptr) return;
    // Refused where the loop is being closed: it reaps the child itself, and nobody wants to know.
    waiting->queue_share = waiting;
    if (!waiting->core->remote_calls().push(*waiting)) waiting->queue_share.reset();
  });
}

void ExitWatch::Waiting::run() {
  const auto share = std::move(queue_share);
  if (watch != nullptr) watch->child_ended();
}

void ExitWatch::tell_nobody() noexcept {
  if (in_flight()) core_.backend().cancel(*this, handle_);
  if (waiting_ == nullptr) return;
  const std::lock_guard lock(waiting_->mutex);
  waiting_->core = nullptr;
  waiting_->watch = nullptr;
}

void ExitWatch::stop() noexcept {
  tell_nobody();
  if (thread_.joinable()) thread_.join();
}

void ExitWatch::abandon() noexcept {
  tell_nobody();
  if (thread_.joinable()) thread_.detach();
}

void ExitWatch::completed(int) { watch_ended(); }

}  // namespace tidegate::transport
