// Learning that a child has ended: see exit_watch.hpp.
#include "transport/exit_watch.hpp"

#include <tidegate/error.hpp>

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
  waiting_->loop = &core_.loop();
  waiting_->watch = this;
  const base::SignalsBlocked blocked;
  thread_ = std::thread([pid, waiting = waiting_] {
    process::wait_for_end(pid);
    const std::lock_guard lock(waiting->mutex);
    if (waiting->loop == nullptr) return;
    try {
      waiting->loop->call_soon_threadsafe([waiting] {
        if (waiting->watch != nullptr) waiting->watch->child_ended();
      });
    } catch (const std::exception&) {
      // The loop is being closed, and reaps the child itself: nobody wants to know.
    }
  });
}

void ExitWatch::tell_nobody() noexcept {
  if (in_flight()) core_.backend().cancel(*this, handle_);
  if (waiting_ == nullptr) return;
  const std::lock_guard lock(waiting_->mutex);
  waiting_->loop = nullptr;
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
