// Calls of fcntl, setsockopt, getsockopt and shutdown, with types. Knows nothing of what the sockets are for.
#include "net/socket_options.hpp"

#include <tidegate/error.hpp>

#include "net/descriptor_calls.hpp"
#include "net/socket_address.hpp"

#include <cerrno>
#include <string>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <sys/socket.h>

namespace tidegate::net {

namespace {

std::error_code last_error() noexcept { return {errno, std::system_category()}; }

void set_flag(FileDescriptor descriptor, int level, int name, bool enabled, const char* what) {
  const int value = enabled ? 1 : 0;
  if (call::setsockopt(descriptor, level, name, &value, sizeof(value)) != 0)
    throw OsError(last_error(), what);
}

std::optional<int> option(FileDescriptor descriptor, int level, int name) noexcept {
  int value = 0;
  socklen_t length = sizeof(value);
  if (call::getsockopt(descriptor, level, name, &value, &length) != 0) return std::nullopt;
  return value;
}

}  // namespace

bool set_nonblocking(FileDescriptor descriptor, bool enabled) {
  const int flags = call::fcntl(descriptor, F_GETFL);
  if (flags < 0) throw OsError(last_error(), "get the flags of a descriptor");
  const bool before = (flags & O_NONBLOCK) != 0;
  if (before == enabled) return before;
  const int changed = enabled ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
  if (call::fcntl(descriptor, F_SETFL, changed) < 0) throw OsError(last_error(), "set O_NONBLOCK");
  return before;
}

void set_close_on_exec(FileDescriptor descriptor, bool enabled) {
  const int flags = call::fcntl(descriptor, F_GETFD);
  if (flags < 0) throw OsError(last_error(), "get the flags of a descriptor");
  const int changed = enabled ? flags | FD_CLOEXEC : flags & ~FD_CLOEXEC;
  if (changed == flags) return;
  if (call::fcntl(descriptor, F_SETFD, changed) < 0) throw OsError(last_error(), "set FD_CLOEXEC");
}

void set_reuse_address(FileDescriptor descriptor, bool enabled) {
  set_flag(descriptor, SOL_SOCKET, SO_REUSEADDR, enabled, "set SO_REUSEADDR");
}

void set_reuse_port(FileDescriptor descriptor, bool enabled) {
  set_flag(descriptor, SOL_SOCKET, SO_REUSEPORT, enabled, "set SO_REUSEPORT");
}

void set_keep_alive(FileDescriptor descriptor, bool enabled) {
  set_flag(descriptor, SOL_SOCKET, SO_KEEPALIVE, enabled, "set SO_KEEPALIVE");
}

void set_broadcast(FileDescriptor descriptor, bool enabled) {
  set_flag(descriptor, SOL_SOCKET, SO_BROADCAST, enabled, "set SO_BROADCAST");
}

void set_ipv6_only(FileDescriptor descriptor, bool enabled) {
  set_flag(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, enabled, "set IPV6_V6ONLY");
}

void set_no_delay(FileDescriptor descriptor) noexcept {
  const int value = 1;
  // Ignored for the reason that the header gives; on anything but TCP the kernel refuses it without harm.
  [[maybe_unused]] const int result =
      call::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &value, sizeof(value));
}

void set_joined_receives(FileDescriptor descriptor) noexcept {
  const int value = 1;
  [[maybe_unused]] const int result = call::setsockopt(descriptor, SOL_UDP, UDP_GRO, &value, sizeof(value));
}

std::error_code socket_error(FileDescriptor descriptor) noexcept {
  int value = 0;
  socklen_t length = sizeof(value);
  if (call::getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &value, &length) != 0) return last_error();
  return {value, std::system_category()};
}

std::error_code shutdown_write(FileDescriptor descriptor) noexcept {
  if (call::shutdown(descriptor, SHUT_WR) != 0) return last_error();
  return {};
}

std::optional<SocketType> socket_type(FileDescriptor descriptor) noexcept {
  const auto type = option(descriptor, SOL_SOCKET, SO_TYPE);
  if (!type.has_value()) return std::nullopt;
  if (*type == SOCK_STREAM) return SocketType::stream;
  return *type == SOCK_DGRAM ? SocketType::datagram : SocketType::other;
}

bool is_stream_socket(FileDescriptor descriptor) noexcept {
  return socket_type(descriptor) == SocketType::stream;
}

bool is_udp_socket(FileDescriptor descriptor) noexcept {
  return option(descriptor, SOL_SOCKET, SO_PROTOCOL) == IPPROTO_UDP;
}

bool is_listening(FileDescriptor descriptor) noexcept {
  return option(descriptor, SOL_SOCKET, SO_ACCEPTCONN).value_or(0) != 0;
}

AddressFamily family_of(FileDescriptor descriptor) noexcept {
  return from_native(option(descriptor, SOL_SOCKET, SO_DOMAIN).value_or(AF_UNSPEC));
}

}  // namespace tidegate::net
