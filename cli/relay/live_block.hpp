// Some lines on a terminal that are drawn over and over, for whoever watches.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace tidegate::cli::relay {

/// Draws itself in place on standard error, which is a terminal.
class LiveBlock {
 public:
  LiveBlock() = default;
  LiveBlock(const LiveBlock&) = delete;
  LiveBlock& operator=(const LiveBlock&) = delete;
  ~LiveBlock() { clear(); }

  /// Replaces what stood there by `lines`, which are cut to the width of the terminal; where they are more
  /// than it has, the last ones are only counted.
  void show(std::vector<std::string> lines);

  /// Leaves an empty line.
  void clear();

 private:
  [[nodiscard]] std::string start_over() const;

  std::size_t drawn_lines_ = 0;
};

}  // namespace tidegate::cli::relay
