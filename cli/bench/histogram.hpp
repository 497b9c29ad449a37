// How often which duration occurred, in memory that does not grow. Knows no clock.
#pragma once

#include <tidegate/handle.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace tidegate::cli::bench {

/// Counts durations in buckets that are exact below 256 ns and, above, split every power of two into 128
/// equal parts. What it reports is therefore never too small, and too large by less than 1/128 (0.8 %).
/// Durations over `kLongest` (about 18 minutes) are counted as that; the maximum is exact all the same.
/// A value of some 35 KiB.
class Histogram {
 public:
  static constexpr Duration kLongest{(std::int64_t{1} << 40) - 1};

  /// Negative durations count as none.
  void record(Duration duration) noexcept;
  /// Adds what another one has counted.
  void add(const Histogram& other) noexcept;

  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }

  /// The smallest duration that at least `per_mille` of 1000 recorded ones do not exceed: 500 for the median,
  /// 999 for p99.9. Zero where nothing was recorded. REQUIRES: `per_mille` <= 1000.
  [[nodiscard]] Duration at_per_mille(std::uint64_t per_mille) const noexcept;

  /// The longest one recorded, exactly; zero where nothing was.
  [[nodiscard]] Duration max() const noexcept { return max_; }

 private:
  static constexpr unsigned kPartBits = 7;
  static constexpr std::size_t kParts = std::size_t{1} << kPartBits;
  static constexpr unsigned kValueBits = 40;
  // The first part holds what is smaller than kParts, each other one a power of two.
  static constexpr std::size_t kBuckets = kParts * (kValueBits - kPartBits + 1);

  static std::size_t bucket_of(std::uint64_t nanoseconds) noexcept;
  static std::uint64_t largest_in(std::size_t bucket) noexcept;

  std::array<std::uint64_t, kBuckets> counts_{};
  std::uint64_t count_ = 0;
  Duration max_{};
};

}  // namespace tidegate::cli::bench
