// Which loop runs on this thread: see running_loop.hpp.
#include "loop/running_loop.hpp"

#include <pthread.h>

namespace tidegate {

namespace {

thread_local Loop* running_on_this_thread = nullptr;

/// A child has its parent's memory, and runs none of its loops.
void forget_in_forked_children() {
  static const int registered = ::pthread_atfork(
      nullptr, nullptr, +[] { running_on_this_thread = nullptr; });
  static_cast<void>(
      registered);  // without memory for that a child could not run a loop: no reason to stop here
}

}  // namespace

loop::RunningLoop::RunningLoop(Loop& loop) {
  if (running_on_this_thread != nullptr) {
    throw InvalidStateError("Cannot run the event loop while another loop is running");
  }
  forget_in_forked_children();
  running_on_this_thread = &loop;
}

loop::RunningLoop::~RunningLoop() { running_on_this_thread = nullptr; }

Loop* loop::RunningLoop::get() noexcept { return running_on_this_thread; }

Loop& get_running_loop() {
  if (running_on_this_thread == nullptr) throw InvalidStateError("no running event loop");
  return *running_on_this_thread;
}

}  // namespace tidegate
