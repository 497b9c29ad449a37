// Names of sockets to and from sockaddr: see socket_name.hpp.
#include "kernel/sim/socket_name.hpp"

#include "net/socket_address.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <arpa/inet.h>
#include <netinet/in.h>

namespace tidegate::kernel::sim {

namespace {

constexpr std::size_t kMappedPrefix = 12;
constexpr std::size_t kPathOffset = offsetof(sockaddr_un, sun_path);

int parse_ipv4(const sockaddr* address, socklen_t length, InternetName& name) noexcept {
  sockaddr_in native{};
  if (length < sizeof(native)) return -EINVAL;
  std::memcpy(&native, address, sizeof(native));
  name.octets = kAnyIpv4;
  std::memcpy(name.octets.data() + kMappedPrefix, &native.sin_addr, sizeof(native.sin_addr));
  name.port = ntohs(native.sin_port);
  return 0;
}

int parse_ipv6(const sockaddr* address, socklen_t length, InternetName& name) noexcept {
  sockaddr_in6 native{};
  if (length < sizeof(native)) return -EINVAL;
  std::memcpy(&native, address, sizeof(native));
  std::memcpy(name.octets.data(), &native.sin6_addr, name.octets.size());
  name.port = ntohs(native.sin6_port);
  name.scope = native.sin6_scope_id;
  return 0;
}

int parse_unix(const sockaddr* address, socklen_t length, UnixName& name) noexcept {
  if (length > sizeof(sockaddr_un)) return -EINVAL;
  std::size_t size = length - kPathOffset;
  std::memcpy(name.bytes.data(), reinterpret_cast<const char*>(address) + kPathOffset, size);
  // A path ends at its NUL, an abstract name where the length says.
  if (size > 0 && name.bytes[0] != '\0') size = ::strnlen(name.bytes.data(), size);
  name.length = static_cast<std::uint8_t>(size);
  return 0;
}

net::SocketAddress native_of(int domain, const SocketName& name) noexcept {
  net::SocketAddress address;
  if (domain == AF_INET) {
    sockaddr_in native{};
    native.sin_family = AF_INET;
    native.sin_port = htons(name.internet.port);
    std::memcpy(&native.sin_addr, name.internet.octets.data() + kMappedPrefix, sizeof(native.sin_addr));
    std::memcpy(&address.storage, &native, sizeof(native));
    address.length = sizeof(native);
  } else if (domain == AF_INET6) {
    sockaddr_in6 native{};
    native.sin6_family = AF_INET6;
    native.sin6_port = htons(name.internet.port);
    native.sin6_scope_id = name.internet.scope;
    std::memcpy(&native.sin6_addr, name.internet.octets.data(), name.internet.octets.size());
    std::memcpy(&address.storage, &native, sizeof(native));
    address.length = sizeof(native);
  } else {
    sockaddr_un native{};
    native.sun_family = AF_UNIX;
    std::memcpy(native.sun_path, name.local.bytes.data(), name.local.length);
    std::memcpy(&address.storage, &native, sizeof(native));
    // A path is told with the NUL at its end, where there is room for it.
    const bool is_path = name.local.length > 0 && !name.local.is_abstract();
    const std::size_t size = std::size_t{name.local.length} + (is_path ? 1 : 0);
    address.length = static_cast<socklen_t>(kPathOffset + std::min(size, sizeof(native.sun_path)));
  }
  return address;
}

}  // namespace

bool is_ipv4(const Octets& octets) noexcept {
  return std::all_of(octets.begin(), octets.begin() + 10, [](std::uint8_t octet) { return octet == 0; }) &&
         octets[10] == 0xff && octets[11] == 0xff;
}

bool is_any(const Octets& octets) noexcept {
  const auto* from = is_ipv4(octets) ? octets.begin() + kMappedPrefix : octets.begin();
  return std::all_of(from, octets.end(), [](std::uint8_t octet) { return octet == 0; });
}

void name_this_machine(InternetName& name) noexcept {
  if (!is_any(name.octets)) return;
  if (is_ipv4(name.octets)) name.octets[kMappedPrefix] = 127;
  name.octets.back() = 1;
}

int parse(int domain, const sockaddr* address, socklen_t length, SocketName& name) noexcept {
  if (address == nullptr || length < sizeof(sa_family_t)) return -EINVAL;
  sa_family_t family = AF_UNSPEC;
  std::memcpy(&family, address, sizeof(family));
  if (domain == AF_UNIX) return family == AF_UNIX ? parse_unix(address, length, name.local) : -EINVAL;
  if (family == AF_INET) return parse_ipv4(address, length, name.internet);
  if (family != AF_INET6 || domain != AF_INET6) return -EAFNOSUPPORT;
  return parse_ipv6(address, length, name.internet);
}

void tell(int domain, const SocketName& name, sockaddr* address, socklen_t* length) noexcept {
  if (address == nullptr || length == nullptr) return;
  const net::SocketAddress native = native_of(domain, name);
  std::memcpy(address, &native.storage, std::min(*length, native.length));
  *length = native.length;
}

}  // namespace tidegate::kernel::sim
