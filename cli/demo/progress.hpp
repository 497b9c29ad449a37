// How far the demo is, for whoever watches.
#pragma once

#include "live_line.hpp"

#include <chrono>
#include <string_view>

namespace tidegate::cli::demo {

/// A line with a bar on standard error, redrawn some times a second at most; without a terminal there it does
/// nothing at all.
class ProgressLine {
 public:
  explicit ProgressLine(bool is_visible) noexcept : line_(is_visible) {}

  /// `done` is a part of 1.
  void show(std::string_view transport, std::string_view scenario, double done);

  /// Leaves an empty line.
  void clear() { line_.clear(); }

 private:
  using Clock = std::chrono::steady_clock;

  LiveLine line_;
  Clock::time_point next_draw_;
};

}  // namespace tidegate::cli::demo
