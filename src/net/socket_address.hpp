// Endpoints in the form in which system calls take and return them. Knows no sockets.
#pragma once

#include <tidegate/endpoint.hpp>

#include <sys/socket.h>

namespace tidegate::net {

/// An address as the kernel reads and writes it. `length` is that of the address; a call that fills one is
/// given `capacity()` first.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;

  [[nodiscard]] static constexpr socklen_t capacity() noexcept { return sizeof(sockaddr_storage); }
  [[nodiscard]] const sockaddr* get() const noexcept { return reinterpret_cast<const sockaddr*>(&storage); }
  [[nodiscard]] sockaddr* get() noexcept { return reinterpret_cast<sockaddr*>(&storage); }
};

/// AF_INET, AF_INET6, AF_UNIX, or AF_UNSPEC.
[[nodiscard]] int to_native(AddressFamily family) noexcept;
/// Families that are not ours are `unspecified`.
[[nodiscard]] AddressFamily from_native(int family) noexcept;

/// The empty endpoint becomes an address of length 0.
[[nodiscard]] SocketAddress to_sockaddr(const Endpoint& endpoint) noexcept;

/// What the kernel has reported. An unknown family, or an address too short for its family, becomes the empty
/// endpoint.
/// REQUIRES: `length` bytes can be read at `address`, unless it is null.
[[nodiscard]] Endpoint from_sockaddr(const sockaddr* address, socklen_t length);
/// The same; a length over the capacity, as the kernel reports it for an address that it has cut, counts as
/// the capacity.
[[nodiscard]] Endpoint from_sockaddr(const SocketAddress& address);

}  // namespace tidegate::net
