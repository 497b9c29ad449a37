// How long things took: a log-linear histogram, exact to two percent, of fixed size.
#pragma once

#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace load {

class Histogram {
 public:
  void add(std::chrono::nanoseconds duration) noexcept {
    ++counts_[bucket_of(static_cast<std::uint64_t>(duration.count() > 0 ? duration.count() : 0))];
    ++total_;
  }

  [[nodiscard]] bool empty() const noexcept { return total_ == 0; }

  /// The duration that `share` of all do not exceed; 0 < share <= 1. REQUIRES: not empty.
  [[nodiscard]] std::chrono::nanoseconds quantile(double share) const noexcept {
    const auto wanted = static_cast<double>(total_) * share;
    std::uint64_t seen = 0;
    std::size_t bucket = 0;
    for (; bucket + 1 < counts_.size(); ++bucket) {
      seen += counts_[bucket];
      if (static_cast<double>(seen) >= wanted) break;
    }
    return std::chrono::nanoseconds(upper_end(bucket));
  }

 private:
  // Each power of two is cut into 64 buckets of the same width; below 64 ns a bucket is one nanosecond.
  static constexpr unsigned kFineBits = 6;
  static constexpr std::size_t kFine = std::size_t{1} << kFineBits;

  static std::size_t bucket_of(std::uint64_t value) noexcept {
    if (value < kFine) return static_cast<std::size_t>(value);
    const auto exponent = static_cast<unsigned>(std::bit_width(value)) - 1 - kFineBits;
    return (exponent + 1) * kFine + static_cast<std::size_t>((value >> exponent) - kFine);
  }

  static std::int64_t upper_end(std::size_t bucket) noexcept {
    if (bucket < kFine) return static_cast<std::int64_t>(bucket);
    const auto exponent = bucket / kFine - 1;
    return static_cast<std::int64_t>(((bucket % kFine + kFine + 1) << exponent) - 1);
  }

  std::array<std::uint64_t, (64 - kFineBits + 1) * kFine> counts_{};
  std::uint64_t total_ = 0;
};

}  // namespace load
