// An endpoint in the room of a pointer, for those who keep thousands that are rarely looked at.
#pragma once

#include <tidegate/endpoint.hpp>

#include <cstdint>

namespace tidegate::net {

/// Keeps one endpoint: in itself where it is an IPv4 address, an unnamed Unix socket or none, otherwise on
/// the heap.
class StoredEndpoint {
 public:
  /// Throws std::bad_alloc.
  explicit StoredEndpoint(const Endpoint& endpoint);
  StoredEndpoint(const StoredEndpoint&) = delete;
  StoredEndpoint& operator=(const StoredEndpoint&) = delete;
  ~StoredEndpoint();

  [[nodiscard]] Endpoint get() const;

 private:
  // The lowest two bits tell what the rest is; a pointer has none there.
  enum Kind : std::uint64_t { on_heap, none, ipv4, unix_unnamed };
  static constexpr std::uint64_t kKindBits = 3;
  static constexpr unsigned kPortShift = 16;
  static constexpr unsigned kAddressShift = 32;

  [[nodiscard]] Kind kind() const noexcept { return static_cast<Kind>(bits_ & kKindBits); }
  [[nodiscard]] Endpoint* pointer() const noexcept;

  std::uint64_t bits_ = none;
};

}  // namespace tidegate::net
