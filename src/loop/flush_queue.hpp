// Which connections have something to send before the loop blocks.
#pragma once

#include "loop/visitor.hpp"

#include <cstddef>
#include <vector>

namespace tidegate::loop {

/// In the order in which they asked.
///
/// Thread: the loop's.
class FlushQueue {
 public:
  [[nodiscard]] bool empty() const noexcept { return waiting_ == 0; }
  /// False where there is no memory for it. REQUIRES: it is not in here.
  [[nodiscard]] bool push(Visitor& visitor) noexcept;
  /// Does nothing for one that is not in here.
  void remove(Visitor& visitor) noexcept;
  /// Flushes those that are in here now. Who asks meanwhile waits for the next call.
  void flush();

 private:
  // A place per visitor, null where it left; rather than links in each visitor, for nearly all of them are
  // idle.
  std::vector<Visitor*> places_;
  std::size_t waiting_ = 0;
};

}  // namespace tidegate::loop
