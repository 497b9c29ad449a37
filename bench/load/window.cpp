// See window.hpp.
#include "window.hpp"

#include <ctime>
#include <stdexcept>

namespace load {

namespace {

/// The kernel brings a busy process's time up to date only every few milliseconds. Both ends of the window
/// wait for such a moment, or the figures would be off by as much; but no longer than this, since a server
/// may be asleep.
constexpr std::chrono::milliseconds kLongestWaitForFigures{12};

std::chrono::nanoseconds own_processor_time() {
  std::timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

}  // namespace

Window::Window(const Arguments& arguments)
    : message_bytes_(arguments.size_bytes),
      warm_up_(std::chrono::duration_cast<Clock::duration>(arguments.warm_up)),
      measured_(std::chrono::duration_cast<Clock::duration>(arguments.measured)) {
  if (!arguments.server) return;
  server_.emplace(*arguments.server);
  measurement_.memory_before = server_->memory();
}

void Window::begin() {
  phase_ = Phase::warming_up;
  next_ = Clock::now() + warm_up_;
}

bool Window::goes_on() {
  switch (phase_) {
    case Phase::warming_up:
      if (Clock::now() >= next_) enter(Phase::opening);
      return true;
    case Phase::opening:
      if (figures_are_fresh()) open();
      return true;
    case Phase::open:
      if (Clock::now() >= next_) enter(Phase::closing);
      return true;
    case Phase::closing:
      if (figures_are_fresh()) close();
      return phase_ != Phase::closed;
    case Phase::closed:
      return false;
  }
  return false;
}

void Window::enter(Phase phase) noexcept {
  phase_ = phase;
  next_ = Clock::now() + kLongestWaitForFigures;
  stale_time_.reset();
}

bool Window::figures_are_fresh() {
  if (!server_ || Clock::now() >= next_) return true;
  const auto time = server_->total_processor_time();
  if (stale_time_ && *stale_time_ != time) return true;
  stale_time_ = time;
  return false;
}

void Window::open() {
  begin_ = mark();
  phase_ = Phase::open;
  next_ = begin_.time + measured_;
}

void Window::close() {
  const Mark end = mark();
  phase_ = Phase::closed;
  measurement_.duration = end.time - begin_.time;
  measurement_.bytes = end.bytes - begin_.bytes;
  measurement_.lost = end.lost - begin_.lost;
  measurement_.messages = measurement_.bytes / message_bytes_;
  if (measurement_.messages == 0) throw std::runtime_error("not one message got through in the window");
  measurement_.load_time = end.load_time - begin_.load_time;
  if (!server_) return;
  measurement_.server_time = ProcessorTime{end.server_time.total - begin_.server_time.total,
                                           end.server_time.user - begin_.server_time.user,
                                           end.server_time.system - begin_.server_time.system};
  measurement_.memory = server_->memory();
}

Window::Mark Window::mark() const {
  return {Clock::now(), bytes_, lost_, own_processor_time(),
          server_ ? server_->processor_time() : ProcessorTime()};
}

}  // namespace load
