// Numbers that look random and are the same for the same seed, on every machine and with every library.
#pragma once

#include "kernel/sim/chance.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace tidegate::differential {

/// What scripts are drawn with, from the numbers that the simulated kernel draws with too. Any seed is a good
/// one, also 0, 1, 2 ...
class Random {
 public:
  explicit Random(std::uint64_t seed) noexcept : numbers_(seed) {}

  [[nodiscard]] std::uint64_t next() noexcept { return numbers_.next(); }

  /// One of 0 ... `count` - 1. REQUIRES: count > 0.
  [[nodiscard]] std::size_t below(std::size_t count) noexcept { return numbers_.below(count); }
  /// One of `least` ... `most`, both included.
  [[nodiscard]] std::size_t between(std::size_t least, std::size_t most) noexcept {
    return numbers_.between(least, most);
  }
  /// True in `percent` of a hundred cases.
  [[nodiscard]] bool chance(unsigned percent) noexcept { return below(100) < percent; }
  /// One of them.
  template <typename T, std::size_t Count>
  [[nodiscard]] T one_of(const std::array<T, Count>& choices) noexcept {
    return choices[below(Count)];
  }

 private:
  kernel::sim::Chance numbers_;
};

}  // namespace tidegate::differential
