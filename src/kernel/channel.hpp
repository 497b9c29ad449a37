// The name of a descriptor that a backend watches. Knows nothing of what is done with it.
#pragma once

#include <cstdint>

namespace tidegate::kernel {

/// One attached descriptor. The kernel reuses descriptor numbers at once; a ChannelId is never reused, so
/// that whatever is late for a descriptor that is gone finds nobody.
struct ChannelId {
  std::uint32_t index = 0;
  /// 0 names nothing.
  std::uint32_t generation = 0;

  [[nodiscard]] constexpr bool valid() const noexcept { return generation != 0; }
  friend constexpr bool operator==(ChannelId, ChannelId) noexcept = default;
};

}  // namespace tidegate::kernel
