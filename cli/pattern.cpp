// See pattern.hpp.
#include "pattern.hpp"

#include <algorithm>
#include <vector>

namespace tidegate::cli {

namespace {

constexpr std::size_t kPeriodBytes = 1'048'573;  // prime

/// One period, and as much again of the next as a piece may reach into it.
std::vector<std::byte> make_period() {
  std::vector<std::byte> bytes(kPeriodBytes + Pattern::kLongestPieceBytes);
  std::uint64_t state = 1;
  for (std::size_t index = 0; index < kPeriodBytes; ++index) {
    // Knuth's linear congruential generator; its upper bits are the good ones.
    state = state * 6364136223846793005u + 1442695040888963407u;
    bytes[index] = static_cast<std::byte>(state >> 56);
  }
  std::copy_n(bytes.begin(), Pattern::kLongestPieceBytes, bytes.begin() + kPeriodBytes);
  return bytes;
}

const std::vector<std::byte>& period() {
  static const std::vector<std::byte> bytes = make_period();
  return bytes;
}

}  // namespace

// The factor spreads the streams over the period.
Pattern::Pattern(std::uint64_t stream_number) noexcept : start_(stream_number * 7919 % kPeriodBytes) {}

BytesView Pattern::piece(std::uint64_t position, std::size_t size_bytes) const noexcept {
  const std::uint64_t index = (start_ + position) % kPeriodBytes;
  return {period().data() + index, size_bytes};
}

std::optional<std::uint64_t> Pattern::first_mismatch(std::uint64_t position, BytesView data) const noexcept {
  while (!data.empty()) {
    const BytesView actual = data.first(kLongestPieceBytes);
    const BytesView expected = piece(position, actual.size());
    if (!(actual == expected)) {
      const auto* wrong = std::mismatch(actual.begin(), actual.end(), expected.begin()).first;
      return position + static_cast<std::uint64_t>(wrong - actual.begin());
    }
    position += actual.size();
    data = data.drop(actual.size());
  }
  return std::nullopt;
}

}  // namespace tidegate::cli
