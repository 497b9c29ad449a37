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
  waiting_ = std::make_shared<Waiting>(Waiting{this});
  const base::SignalsBlocked blocked;
  thread_ = std::thread([pid, &loop = core_.loop(), waiting = waiting_] {
    process::wait_for_end(pid);
    try {
      loop.call_soon_threadsafe([waiting] {
        if (waiting->watch != nullptr) waiting->watch->child_ended();
      });
    } catch (const std::exception&) {
      // The loop is closed, and closing it waits for us: nobody wants to know.
    }
  });
}

void ExitWatch::stop() noexcept {
  if (waiting_ != nullptr) {
    waiting_->watch = nullptr;
    waiting_.reset();
  }
  if (thread_.joinable()) thread_.join();  // it ends with the child
  if (in_flight()) core_.backend().cancel(*this, handle_);
}

void ExitWatch::completed(int) { watch_ended(); }

}  // namespace tidegate::transport
