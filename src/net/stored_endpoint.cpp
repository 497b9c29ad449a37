// An endpoint in the room of a pointer: see stored_endpoint.hpp.
#include "net/stored_endpoint.hpp"

#include <array>
#include <bit>
#include <cstdint>
#include <variant>

namespace tidegate::net {

StoredEndpoint::StoredEndpoint(const Endpoint& endpoint) {
  static_assert(sizeof(Endpoint*) <= sizeof bits_ && alignof(Endpoint) > kKindBits);
  if (const auto* inet = std::get_if<Endpoint::Inet4>(&endpoint.address())) {
    bits_ = ipv4 | std::uint64_t{inet->port.number()} << kPortShift |
            std::uint64_t{std::bit_cast<std::uint32_t>(inet->octets)} << kAddressShift;
  } else if (endpoint.empty()) {
    bits_ = none;
  } else if (endpoint == Endpoint::unix_unnamed()) {
    bits_ = unix_unnamed;
  } else {
    bits_ = reinterpret_cast<std::uintptr_t>(new Endpoint(endpoint));
  }
}

StoredEndpoint::~StoredEndpoint() {
  if (kind() == on_heap) delete pointer();
}

Endpoint StoredEndpoint::get() const {
  switch (kind()) {
    case on_heap:
      return *pointer();
    case ipv4: {
      const auto octets =
          std::bit_cast<std::array<std::uint8_t, 4>>(static_cast<std::uint32_t>(bits_ >> kAddressShift));
      return Endpoint::ipv4(octets, Port(static_cast<std::uint16_t>(bits_ >> kPortShift)));
    }
    case unix_unnamed:
      return Endpoint::unix_unnamed();
    case none:
      break;
  }
  return {};
}

Endpoint* StoredEndpoint::pointer() const noexcept { return reinterpret_cast<Endpoint*>(bits_); }

}  // namespace tidegate::net
