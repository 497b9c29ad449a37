// How the library speaks to whoever runs the program. Knows nothing of who listens; see set_log_handler.
#pragma once

#include <tidegate/log.hpp>

#include <string_view>

namespace tidegate::base {

/// Hands `message` (one line, without its end) to the handler that the program has set, or else writes
/// warnings and errors to standard error. A handler that throws, or that makes the library log again, costs
/// no more than its message's place: both go to standard error.
/// Thread: any.
void log(LogLevel level, std::string_view message) noexcept;

}  // namespace tidegate::base
