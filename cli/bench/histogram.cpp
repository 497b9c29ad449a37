// See histogram.hpp.
#include "bench/histogram.hpp"

#include <algorithm>
#include <bit>

namespace tidegate::cli::bench {

std::size_t Histogram::bucket_of(std::uint64_t nanoseconds) noexcept {
  if (nanoseconds < kParts) return nanoseconds;
  // Shifted so far that the leading bit and the next kPartBits remain.
  const auto shift = static_cast<unsigned>(std::bit_width(nanoseconds)) - (kPartBits + 1);
  return kParts * shift + (nanoseconds >> shift);
}

std::uint64_t Histogram::largest_in(std::size_t bucket) noexcept {
  if (bucket < kParts) return bucket;
  const std::size_t shift = bucket / kParts - 1;
  const std::uint64_t leading_bits = kParts + bucket % kParts;
  return ((leading_bits + 1) << shift) - 1;
}

void Histogram::record(Duration duration) noexcept {
  const Duration held = std::clamp(duration, Duration::zero(), kLongest);
  ++counts_[bucket_of(static_cast<std::uint64_t>(held.count()))];
  ++count_;
  max_ = std::max(max_, duration);
}

void Histogram::add(const Histogram& other) noexcept {
  for (std::size_t bucket = 0; bucket < kBuckets; ++bucket) counts_[bucket] += other.counts_[bucket];
  count_ += other.count_;
  max_ = std::max(max_, other.max_);
}

Duration Histogram::at_per_mille(std::uint64_t per_mille) const noexcept {
  if (count_ == 0) return Duration::zero();
  // Rounded up: "at least that many". Even 0 per mille asks for the first one.
  const std::uint64_t wanted = std::max<std::uint64_t>((count_ * per_mille + 999) / 1000, 1);
  std::uint64_t seen = 0;
  std::size_t bucket = 0;
  while (seen + counts_[bucket] < wanted) seen += counts_[bucket++];
  return std::min(Duration(static_cast<std::int64_t>(largest_in(bucket))), max_);
}

}  // namespace tidegate::cli::bench
