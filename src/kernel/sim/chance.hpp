// What a simulation leaves to chance, out of one seed: the same numbers on every machine. Knows nothing of
// what they decide.
#pragma once

#include <tidegate/handle.hpp>

#include <cstddef>
#include <cstdint>

namespace tidegate::kernel::sim {

/// SplitMix64: small, and the same everywhere, which the standard library's distributions are not.
class Chance {
 public:
  explicit Chance(std::uint64_t seed) noexcept : state_(seed) {}

  [[nodiscard]] std::uint64_t next() noexcept {
    std::uint64_t mixed = (state_ += 0x9e3779b97f4a7c15U);
    mixed = (mixed ^ (mixed >> 30U)) * 0xbf58476d1ce4e5b9U;
    mixed = (mixed ^ (mixed >> 27U)) * 0x94d049bb133111ebU;
    return mixed ^ (mixed >> 31U);
  }
  /// From 0 up to, and without, `bound` > 0. (Modulo: the bias does not matter here.)
  [[nodiscard]] std::uint64_t below(std::uint64_t bound) noexcept { return next() % bound; }
  /// From `least` up to and with `most`.
  [[nodiscard]] std::size_t between(std::size_t least, std::size_t most) noexcept {
    return least + static_cast<std::size_t>(below(std::uint64_t{most - least} + 1));
  }
  [[nodiscard]] Duration between(Duration least, Duration most) noexcept {
    return most <= least ? least
                         : least + Duration(static_cast<Duration::rep>(
                                       below(static_cast<std::uint64_t>((most - least).count()) + 1)));
  }
  /// With that chance, from 0 to 1. Nothing is drawn for 0 and 1, so that switching a fault off changes no
  /// other.
  [[nodiscard]] bool happens(double chance) noexcept {
    if (chance <= 0) return false;
    if (chance >= 1) return true;
    return static_cast<double>(next() >> 11U) * 0x1.0p-53 < chance;
  }

 private:
  std::uint64_t state_;
};

}  // namespace tidegate::kernel::sim
