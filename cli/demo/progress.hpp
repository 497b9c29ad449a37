// One line that shows how far the demo is, for whoever watches.
#pragma once

#include <chrono>
#include <string_view>

namespace tidegate::cli::demo {

/// Redraws itself in place on standard error, some times a second at most; without a terminal there it does
/// nothing at all.
class ProgressLine {
 public:
  explicit ProgressLine(bool is_visible) noexcept : is_visible_(is_visible) {}
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;
  ~ProgressLine() { clear(); }

  /// `done` is a part of 1.
  void show(std::string_view transport, std::string_view scenario, double done);

  /// Leaves an empty line.
  void clear();

 private:
  using Clock = std::chrono::steady_clock;

  bool is_visible_;
  bool is_drawn_ = false;
  Clock::time_point next_draw_;
};

}  // namespace tidegate::cli::demo
