// Where the library's own messages go.
#pragma once

#include <functional>
#include <string_view>

namespace tidegate {

/// How much a message matters.
enum class LogLevel { debug, info, warning, error };

/// Receives every message of the library.
/// Thread: called from whichever thread logs, one call at a time.
using LogHandler = std::function<void(LogLevel, std::string_view message)>;

/// Sends the library's messages to `handler`, for the whole process; an empty one brings the default back:
/// warnings and errors to standard error, one line each. Thread: any.
void set_log_handler(LogHandler handler);

}  // namespace tidegate
