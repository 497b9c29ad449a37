// Memory to receive into that notices who writes to it where, or when, nobody may (contract R4). Knows no
// protocols.
#pragma once

#include <tidegate/bytes.hpp>

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

namespace tidegate::checking {

class GuardedMemory {
 public:
  /// Begins the time in which `size_bytes` may be written to.
  [[nodiscard]] MutableBytesView open(std::size_t size_bytes) {
    memory_.assign(kGuardBytes + size_bytes + kGuardBytes, kUntouched);
    return MutableBytesView(memory_.data() + kGuardBytes, size_bytes);
  }

  /// The first of it: `size_bytes`, or all.
  [[nodiscard]] BytesView filled(std::size_t size_bytes) const noexcept {
    if (memory_.empty()) return {};
    return BytesView(memory_.data() + kGuardBytes, memory_.size() - 2 * kGuardBytes).first(size_bytes);
  }
  /// Nobody has written before or behind it.
  [[nodiscard]] bool kept_its_bounds() const noexcept {
    if (memory_.empty()) return true;
    const std::span all(memory_);
    return is_untouched(all.first(kGuardBytes)) && is_untouched(all.last(kGuardBytes));
  }

  /// From now on nobody may write there.
  void close() noexcept { std::fill(memory_.begin(), memory_.end(), kUntouched); }
  /// Nobody has written since `close`.
  [[nodiscard]] bool was_left_alone() const noexcept { return is_untouched(memory_); }

 private:
  static constexpr std::size_t kGuardBytes = 32;
  static constexpr std::byte kUntouched{0xDD};
  static bool is_untouched(std::span<const std::byte> bytes) noexcept {
    return std::all_of(bytes.begin(), bytes.end(), [](std::byte byte) { return byte == kUntouched; });
  }

  std::vector<std::byte> memory_;
};

}  // namespace tidegate::checking
