// The two marks between which a write buffer breathes, and on which side of them its protocol stands. Knows
// no buffers, no protocols and no system calls: it is told sizes and says what follows.
#pragma once

#include <tidegate/transport.hpp>

#include <cstddef>
#include <optional>

namespace tidegate::transport {

/// Decides when a protocol is told to pause and to resume writing (contract F1-F5). Both answers are given
/// once per crossing and alternate strictly, starting with pause; whoever gets a true one owes the call.
class FlowControl {
 public:
  static constexpr std::size_t kDefaultHighBytes = std::size_t{64} * 1024;
  /// How many times `low` fits into `high` where only one of them is given.
  static constexpr std::size_t kHighPerLow = 4;

  /// New marks; what is missing follows from what is given (F2). Throws std::invalid_argument unless high >=
  /// low, and changes nothing then (F3). The caller asks `pause_if_over` afterwards (F5).
  void set_limits(std::optional<std::size_t> high, std::optional<std::size_t> low);

  [[nodiscard]] WriteBufferLimits limits() const noexcept { return {.low = low_, .high = high_}; }

  /// True exactly when the protocol has to be told to pause now: `size` is strictly over the high mark, and
  /// it has not been told yet.
  [[nodiscard]] bool pause_if_over(std::size_t size) noexcept {
    if (paused_ || size <= high_) return false;
    paused_ = true;
    return true;
  }

  /// True exactly when the protocol has to be told to resume now: it is paused, and `size` is down to the low
  /// mark.
  [[nodiscard]] bool resume_if_drained(std::size_t size) noexcept {
    return resume_if_drained(size, [] { return true; });
  }

  /// The same for one that may not always be told: `may_tell` is asked once it would be. What it refuses is
  /// still owed.
  template <typename MayTell>
  [[nodiscard]] bool resume_if_drained(std::size_t size, const MayTell& may_tell) noexcept {
    if (!paused_ || size > low_ || !may_tell()) return false;
    paused_ = false;
    return true;
  }

  /// Takes over from another one whose protocol was told to pause: what is owed to it now is a resume.
  void begin_paused() noexcept { paused_ = true; }

  /// True from an owed pause to the next owed resume.
  [[nodiscard]] bool paused() const noexcept { return paused_; }

 private:
  std::size_t low_ = kDefaultHighBytes / kHighPerLow;
  std::size_t high_ = kDefaultHighBytes;
  bool paused_ = false;
};

// Every idle connection carries one.
static_assert(sizeof(FlowControl) <= 24);

}  // namespace tidegate::transport
