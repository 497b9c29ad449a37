// Which loop runs on this thread.
#pragma once

#include <tidegate/loop.hpp>

namespace tidegate::loop {

/// Marks a loop as the one that runs on this thread, for as long as this lives. Throws InvalidStateError
/// where another runs.
class RunningLoop {
 public:
  explicit RunningLoop(Loop& loop);
  RunningLoop(const RunningLoop&) = delete;
  RunningLoop& operator=(const RunningLoop&) = delete;
  ~RunningLoop();

  /// Null where none runs.
  [[nodiscard]] static Loop* get() noexcept;
};

}  // namespace tidegate::loop
