// What the command says: results on standard output, everything else on standard error.
#pragma once

#include <string_view>

namespace tidegate::cli {

/// How the command ends.
enum class ExitCode : int {
  success = 0,
  /// It could not do what it was asked for, or it found something wrong.
  failure = 1,
  /// It was not asked properly.
  usage = 2,
  /// A demo or a measurement was ended by a signal; what shells report for SIGINT.
  interrupted = 130,
};

/// Writes to standard output, at once. Throws OsError where that fails (a full disk).
void print_result(std::string_view text);

/// Writes one line, which begins with the command's name, to standard error.
void print_error(std::string_view text);

/// Writes one line to standard error as it is.
void print_log(std::string_view text);

/// Whether somebody watches standard error.
[[nodiscard]] bool is_error_terminal() noexcept;

}  // namespace tidegate::cli
