// Endpoints to and from sockaddr. Knows no sockets.
#include "net/socket_address.hpp"

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

namespace tidegate::net {

/// The way past the factories of Endpoint, which refuse some names that the kernel may hold.
struct EndpointAccess {
  static Endpoint unix_name(std::string_view name, bool abstract) {
    Endpoint endpoint;
    endpoint.address_ = Endpoint::UnixName{std::string(name), abstract};
    return endpoint;
  }
};

namespace {

constexpr std::size_t kPathOffset = offsetof(sockaddr_un, sun_path);
constexpr std::size_t kPathCapacity = sizeof(sockaddr_un::sun_path);

/// Copied bytewise: storage of the kernel's addresses is rarely typed or aligned as they are.
template <typename Native>
void put(SocketAddress& address, const Native& native, std::size_t length) noexcept {
  static_assert(sizeof(Native) <= sizeof(address.storage));
  std::memcpy(&address.storage, &native, sizeof(native));
  address.length = static_cast<socklen_t>(length);
}

template <typename Native>
Native take(const sockaddr* address) noexcept {
  Native native;
  std::memcpy(&native, address, sizeof(native));
  return native;
}

struct Filler {
  SocketAddress& address;

  void operator()(std::monostate) const noexcept {}

  void operator()(const Endpoint::Inet4& from) const noexcept {
    sockaddr_in native{};
    native.sin_family = AF_INET;
    native.sin_port = htons(from.port.number());
    std::memcpy(&native.sin_addr, from.octets.data(), from.octets.size());
    put(address, native, sizeof(native));
  }

  void operator()(const Endpoint::Inet6& from) const noexcept {
    sockaddr_in6 native{};
    native.sin6_family = AF_INET6;
    native.sin6_port = htons(from.port.number());
    native.sin6_flowinfo = htonl(from.flow_info);
    std::memcpy(&native.sin6_addr, from.octets.data(), from.octets.size());
    native.sin6_scope_id = from.scope_id;
    put(address, native, sizeof(native));
  }

  void operator()(const Endpoint::UnixName& from) const noexcept {
    sockaddr_un native{};
    native.sun_family = AF_UNIX;
    // An abstract name starts after a NUL and is as long as the length says; a path ends with a NUL, unless
    // it fills all.
    const std::size_t start = from.abstract ? 1 : 0;
    assert(start + from.name.size() <= kPathCapacity);
    const std::size_t size = std::min(from.name.size(), kPathCapacity - start);
    std::memcpy(native.sun_path + start, from.name.data(), size);
    if (from.abstract) return put(address, native, kPathOffset + start + size);
    if (size == 0) return put(address, native, kPathOffset);
    put(address, native, kPathOffset + std::min(size + 1, kPathCapacity));
  }
};

Endpoint from_inet4(const sockaddr* address) noexcept {
  const auto native = take<sockaddr_in>(address);
  std::array<std::uint8_t, 4> octets;
  std::memcpy(octets.data(), &native.sin_addr, octets.size());
  return Endpoint::ipv4(octets, Port(ntohs(native.sin_port)));
}

Endpoint from_inet6(const sockaddr* address) noexcept {
  const auto native = take<sockaddr_in6>(address);
  std::array<std::uint8_t, 16> octets;
  std::memcpy(octets.data(), &native.sin6_addr, octets.size());
  return Endpoint::ipv6(octets, Port(ntohs(native.sin6_port)), native.sin6_scope_id,
                        ntohl(native.sin6_flowinfo));
}

Endpoint from_unix(const sockaddr* address, std::size_t length) {
  if (length <= kPathOffset) return Endpoint::unix_unnamed();
  // A path that fills all of sun_path is reported with the NUL that the kernel keeps behind it.
  const std::size_t size = std::min(length - kPathOffset, kPathCapacity);
  const char* name = reinterpret_cast<const char*>(address) + kPathOffset;
  if (*name == '\0') return EndpointAccess::unix_name({name + 1, size - 1}, true);
  return EndpointAccess::unix_name({name, ::strnlen(name, size)}, false);
}

}  // namespace

int to_native(AddressFamily family) noexcept {
  switch (family) {
    case AddressFamily::unspecified:
      return AF_UNSPEC;
    case AddressFamily::ipv4:
      return AF_INET;
    case AddressFamily::ipv6:
      return AF_INET6;
    case AddressFamily::unix_domain:
      return AF_UNIX;
  }
  return AF_UNSPEC;
}

AddressFamily from_native(int family) noexcept {
  switch (family) {
    case AF_INET:
      return AddressFamily::ipv4;
    case AF_INET6:
      return AddressFamily::ipv6;
    case AF_UNIX:
      return AddressFamily::unix_domain;
    default:
      return AddressFamily::unspecified;
  }
}

SocketAddress to_sockaddr(const Endpoint& endpoint) noexcept {
  SocketAddress address;
  std::visit(Filler{address}, endpoint.address());
  return address;
}

Endpoint from_sockaddr(const sockaddr* address, socklen_t length) {
  if (address == nullptr || length < sizeof(sa_family_t)) return {};
  static_assert(offsetof(sockaddr, sa_family) == 0);
  sa_family_t family = AF_UNSPEC;
  std::memcpy(&family, address, sizeof(family));

  if (family == AF_UNIX) return from_unix(address, length);
  if (family == AF_INET && length >= sizeof(sockaddr_in)) return from_inet4(address);
  if (family == AF_INET6 && length >= sizeof(sockaddr_in6)) return from_inet6(address);
  return {};
}

Endpoint from_sockaddr(const SocketAddress& address) {
  return from_sockaddr(address.get(), std::min(address.length, SocketAddress::capacity()));
}

}  // namespace tidegate::net
