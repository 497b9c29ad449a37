// Numbers that look random and are the same for the same seed, on every machine and with every library.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace tidegate::differential {

/// SplitMix64. Small, and any seed is a good one, also 0, 1, 2 ...
class Random {
 public:
  explicit Random(std::uint64_t seed) noexcept : state_(seed) {}

  [[nodiscard]] std::uint64_t next() noexcept {
    std::uint64_t word = (state_ += 0x9E3779B97F4A7C15U);
    word = (word ^ (word >> 30U)) * 0xBF58476D1CE4E5B9U;
    word = (word ^ (word >> 27U)) * 0x94D049BB133111EBU;
    return word ^ (word >> 31U);
  }

  /// One of 0 ... `count` - 1. REQUIRES: count > 0.
  [[nodiscard]] std::size_t below(std::size_t count) noexcept { return next() % count; }
  /// One of `least` ... `most`, both included.
  [[nodiscard]] std::size_t between(std::size_t least, std::size_t most) noexcept {
    return least + below(most - least + 1);
  }
  /// True in `percent` of a hundred cases.
  [[nodiscard]] bool chance(unsigned percent) noexcept { return below(100) < percent; }
  /// One of them.
  template <typename T, std::size_t Count>
  [[nodiscard]] T one_of(const std::array<T, Count>& choices) noexcept {
    return choices[below(Count)];
  }

 private:
  std::uint64_t state_;
};

}  // namespace tidegate::differential
