// Bytes that know where they belong: a stream in which any byte lost, added or moved is found at once.
#pragma once

#include <tidegate/bytes.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>

namespace tidegate::cli {

/// An endless stream of bytes, each decided by its position. It repeats only after a prime number of bytes
/// over a million, which no buffer's size divides. A value; cheap to copy.
class Pattern {
 public:
  /// The most that `piece` gives at once.
  static constexpr std::size_t kLongestPieceBytes = 65'536;

  /// Streams with different numbers have different bytes at the same position.
  explicit Pattern(std::uint64_t stream_number) noexcept;

  /// The bytes from `position` on. REQUIRES: `size_bytes` <= kLongestPieceBytes.
  /// Lifetime: valid for ever.
  [[nodiscard]] BytesView piece(std::uint64_t position, std::size_t size_bytes) const noexcept;

  /// Compares `data` with the stream from `position` on. The position of the first wrong byte; none where all
  /// are right.
  [[nodiscard]] std::optional<std::uint64_t> first_mismatch(std::uint64_t position,
                                                            BytesView data) const noexcept;

 private:
  std::uint64_t start_;
};

}  // namespace tidegate::cli
