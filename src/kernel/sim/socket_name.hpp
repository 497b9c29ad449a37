// What sockets are called, in a form that takes no memory and compares. Knows no sockets.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <sys/socket.h>
#include <sys/un.h>

namespace tidegate::kernel::sim {

/// An IPv6 address, or an IPv4 one as it is mapped into those: one world for both.
using Octets = std::array<std::uint8_t, 16>;

[[nodiscard]] bool is_ipv4(const Octets& octets) noexcept;
/// 0.0.0.0 or ::
[[nodiscard]] bool is_any(const Octets& octets) noexcept;

inline constexpr Octets kAnyIpv4{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0};

struct InternetName {
  Octets octets{};
  std::uint16_t port = 0;
  /// Of link-local IPv6 addresses.
  std::uint32_t scope = 0;
};

/// Makes 127.0.0.1 or ::1 of an address that stands for all: what it means where something is sent to.
void name_this_machine(InternetName& name) noexcept;

/// As in sockaddr_un: a path, or a name that begins with a NUL; empty for a socket without a name.
struct UnixName {
  std::array<char, sizeof(sockaddr_un::sun_path)> bytes{};
  std::uint8_t length = 0;

  [[nodiscard]] std::string_view view() const noexcept { return {bytes.data(), length}; }
  [[nodiscard]] bool is_abstract() const noexcept { return length > 0 && bytes[0] == '\0'; }
};

/// The name of a socket of whatever domain; the other half is not looked at.
struct SocketName {
  InternetName internet;
  UnixName local;
};

/// What a program has passed to bind, connect or sendmsg of a socket of that domain: 0, or a negative errno.
/// An IPv4 address is one for an IPv6 socket as well where it is mapped.
[[nodiscard]] int parse(int domain, const sockaddr* address, socklen_t length, SocketName& name) noexcept;

/// Tells it to a program, in the words of a socket of that domain: as much as there is room for, and the
/// length that it has. Either may be null.
void tell(int domain, const SocketName& name, sockaddr* address, socklen_t* length) noexcept;

}  // namespace tidegate::kernel::sim
