// Keeps the program's log handler and calls it, one message at a time. Knows nothing of what the messages are
// about.
#include "base/log.hpp"

#include <iterator>
#include <memory>
#include <mutex>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

namespace tidegate {

namespace {

struct LogState {
  /// Held while a handler runs, so that replacing one waits for its last call to end.
  std::mutex mutex;
  /// Shared, so that a handler that replaces itself survives until it has returned.
  std::shared_ptr<const LogHandler> handler;
};

LogState& log_state() {
  // Never destroyed: static objects of the program may log while they are destroyed.
  static LogState* const state = new LogState;
  return *state;
}

/// True on a thread that is inside the handler and holds the mutex therefore.
thread_local bool inside_handler = false;

std::string_view name_of(LogLevel level) noexcept {
  switch (level) {
    case LogLevel::debug:
      return "debug";
    case LogLevel::info:
      return "info";
    case LogLevel::warning:
      return "warning";
    case LogLevel::error:
      return "error";
  }
  return "message";
}

void write_to_standard_error(LogLevel level, std::string_view message) {
  fmt::basic_memory_buffer<char, 512> line;
  fmt::format_to(std::back_inserter(line), "tidegate: {}: {}\n", name_of(level), message);
  // One call, so that lines of several threads and processes do not mix. What can't be written has nowhere
  // else to go.
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
}

void log_by_default(LogLevel level, std::string_view message) {
  if (level == LogLevel::warning || level == LogLevel::error) write_to_standard_error(level, message);
}

/// Marks this thread as being inside the handler.
class InsideHandler {
 public:
  InsideHandler() noexcept { inside_handler = true; }
  InsideHandler(const InsideHandler&) = delete;
  InsideHandler& operator=(const InsideHandler&) = delete;
  ~InsideHandler() { inside_handler = false; }
};

void call_handler(const LogHandler& handler, LogLevel level, std::string_view message) {
  const InsideHandler mark;
  try {
    handler(level, message);
  } catch (...) {
    write_to_standard_error(level, message);
    write_to_standard_error(LogLevel::error, "the log handler threw an exception");
  }
}

}  // namespace

void set_log_handler(LogHandler handler) {
  auto replacement = handler ? std::make_shared<const LogHandler>(std::move(handler)) : nullptr;
  LogState& state = log_state();
  std::unique_lock lock(state.mutex, std::defer_lock);
  if (!inside_handler) lock.lock();
  // The old handler ends with `replacement`, after the lock: its destructor is the program's code.
  state.handler.swap(replacement);
  if (lock.owns_lock()) lock.unlock();
}

namespace base {

void log(LogLevel level, std::string_view message) noexcept try {
  if (inside_handler) return log_by_default(level, message);

  LogState& state = log_state();
  std::shared_ptr<const LogHandler> handler;  // before the lock: should it end here, it ends without the lock
  std::unique_lock lock(state.mutex);
  handler = state.handler;
  if (handler != nullptr) return call_handler(*handler, level, message);

  lock.unlock();
  log_by_default(level, message);
} catch (...) {
  // Out of memory or of locks while logging: the message is lost, its cause is dealt with where it arose.
}

}  // namespace base

}  // namespace tidegate
