// One line on a terminal that is drawn over and over, for whoever watches.
#pragma once

#include <string_view>

namespace tidegate::cli {

/// Draws itself in place on standard error; where it is not visible it does nothing at all.
class LiveLine {
 public:
  explicit LiveLine(bool is_visible) noexcept : is_visible_(is_visible) {}
  LiveLine(const LiveLine&) = delete;
  LiveLine& operator=(const LiveLine&) = delete;
  ~LiveLine() { clear(); }

  [[nodiscard]] bool is_visible() const noexcept { return is_visible_; }

  /// Replaces what stood there by `text`, which fits on a line.
  void show(std::string_view text);

  /// Leaves an empty line.
  void clear();

 private:
  bool is_visible_;
  bool is_drawn_ = false;
};

}  // namespace tidegate::cli
