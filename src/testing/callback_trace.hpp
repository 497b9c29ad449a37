// The last callbacks of one connection, and what was seen of its transport meanwhile. Knows no rules.
#pragma once

#include "testing/observed.hpp"

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <utility>

namespace tidegate::checking {

class CallbackTrace {
 public:
  static constexpr std::size_t kLinesKept = 60;

  void add(std::size_t depth, std::string line) {
    lines_.push_back(std::string(2 + 2 * depth, ' ') + std::move(line));
    if (lines_.size() <= kLinesKept) return;
    lines_.pop_front();
    ++omitted_;
  }

  /// Adds a line where something has changed since the last time.
  void see(std::size_t depth, const Observed& now) {
    const bool changed = !seen_ || seen_->closing != now.closing || seen_->reading != now.reading ||
                         seen_->buffered_bytes != now.buffered_bytes || seen_->limits != now.limits;
    if (!changed) return;
    const bool marks = !seen_ || seen_->limits != now.limits;
    seen_ = now;
    std::string line = "> ";
    line += now.closing ? "closing, " : now.reading ? "" : "not reading, ";
    line += std::to_string(now.buffered_bytes) + " bytes buffered";
    if (marks) {
      line += ", marks " + std::to_string(now.limits.low) + " and " + std::to_string(now.limits.high);
    }
    add(depth, std::move(line));
  }

  [[nodiscard]] std::string text() const {
    std::string text;
    if (omitted_ > 0) text = "  (" + std::to_string(omitted_) + " lines before that)\n";
    for (const std::string& line : lines_) text += line + "\n";
    return text;
  }

 private:
  std::deque<std::string> lines_;
  std::size_t omitted_ = 0;
  std::optional<Observed> seen_;
};

}  // namespace tidegate::checking
