// The bytes that are sent, and whether those that come back are the same.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace load {

/// The repeating pattern of shared/pattern.h as one run of memory.
class Pattern {
 public:
  /// `longest_bytes` are the most that will be asked for at a time.
  explicit Pattern(std::size_t longest_bytes);

  /// The next `size` bytes of a stream of which `position` bytes have gone. REQUIRES: size <= longest_bytes.
  [[nodiscard]] std::span<const unsigned char> at(std::uint64_t position, std::size_t size) const noexcept;

  /// Throws std::runtime_error unless `bytes` are those at `position`.
  void check(std::uint64_t position, std::span<const unsigned char> bytes) const;

 private:
  std::vector<unsigned char> bytes_;
};

}  // namespace load
