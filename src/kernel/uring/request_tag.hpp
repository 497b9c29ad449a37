// What a request carries through the kernel and back: whose it is, and what it asks. Pure.
#pragma once

#include "kernel/channel.hpp"

#include <cstdint>

namespace tidegate::kernel {

/// What the kernel was asked for.
enum class Request : unsigned char {
  none,        // nothing; as a tag: nobody wants to know what became of it
  wake,        // the eventfd that other threads write to
  receive,     // bytes in buffers of the ring, again and again
  accept,      // connections, again and again
  send,        // what the kernel takes at the moment of submission
  send_lent,   // the same, of a piece that LentSends keeps
  poll_input,  // readiness, once
  poll_output,
  watch_input,  // changes of readiness, again and again
  watch_output,
  watch_hangup,  // the end of a connection, and nothing else
};

/// A request and whose it is, in the 64 bits of a completion's user data. A descriptor number that is used
/// again has another generation, so what is late for its last use finds nobody.
class RequestTag {
 public:
  /// Numbers beyond do not fit.
  static constexpr std::uint32_t kMaxIndex = (1U << 28U) - 1;

  constexpr RequestTag(Request request, ChannelId channel) noexcept
      : value_(std::uint64_t{channel.generation} << 32U |
               std::uint64_t{static_cast<unsigned char>(request)} << 28U | channel.index) {}
  explicit constexpr RequestTag(std::uint64_t value) noexcept : value_(value) {}

  [[nodiscard]] constexpr std::uint64_t value() const noexcept { return value_; }
  [[nodiscard]] constexpr Request request() const noexcept {
    return static_cast<Request>(value_ >> 28U & 0xFU);
  }
  [[nodiscard]] constexpr ChannelId channel() const noexcept {
    return {static_cast<std::uint32_t>(value_) & kMaxIndex, static_cast<std::uint32_t>(value_ >> 32U)};
  }
  friend constexpr bool operator==(RequestTag, RequestTag) noexcept = default;

 private:
  std::uint64_t value_;
};

}  // namespace tidegate::kernel
