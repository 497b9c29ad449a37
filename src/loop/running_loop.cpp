// Which loop runs on this thread: see running_loop.hpp.
#include "loop/running_loop.hpp"

namespace tidegate {

namespace {
thread_local Loop* running_on_this_thread = nullptr;
}  // namespace

loop::RunningLoop::RunningLoop(Loop& loop) {
  if (running_on_this_thread != nullptr) {
    throw InvalidStateError("Cannot run the event loop while another loop is running");
  }
  running_on_this_thread = &loop;
}

loop::RunningLoop::~RunningLoop() { running_on_this_thread = nullptr; }

Loop* loop::RunningLoop::get() noexcept { return running_on_this_thread; }

Loop& get_running_loop() {
  if (running_on_this_thread == nullptr) throw InvalidStateError("no running event loop");
  return *running_on_this_thread;
}

}  // namespace tidegate
