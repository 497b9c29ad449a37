// See output.hpp.
#include "output.hpp"

#include <tidegate/error.hpp>

#include <cerrno>
#include <cstdio>
#include <system_error>

#include <fmt/format.h>
#include <unistd.h>

namespace tidegate::cli {

namespace {

// One call for the whole line: lines of several programs on one terminal do not mix. A failure is ignored:
// there is nowhere left to say so, and a full log is no reason to drop connections.
void write_error_line(const std::string& line) {
  static_cast<void>(std::fwrite(line.data(), 1, line.size(), stderr));
}

}  // namespace

void print_result(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0) return;
  throw OsError(std::error_code(errno, std::generic_category()), "write to standard output");
}

void print_error(std::string_view text) { write_error_line(fmt::format("tidegate: {}\n", text)); }

void print_log(std::string_view text) { write_error_line(fmt::format("{}\n", text)); }

bool is_error_terminal() noexcept { return ::isatty(STDERR_FILENO) == 1; }

}  // namespace tidegate::cli
