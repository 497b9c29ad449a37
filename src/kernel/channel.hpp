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

/// What a channel is, which decides the calls that move its bytes: recv and send, or read and write.
enum class ChannelKind : unsigned char { socket, file };

}  // namespace tidegate::kernel
