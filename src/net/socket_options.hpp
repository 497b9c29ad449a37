// The socket options that transports and servers use, with types. Knows nothing of what the sockets are for.
#pragma once

#include <tidegate/descriptor.hpp>
#include <tidegate/endpoint.hpp>

#include <optional>
#include <system_error>

namespace tidegate::net {

/// How a socket carries data.
enum class SocketType { stream, datagram, other };

// Set-up: these throw OsError, which names the option.

/// Returns what it was before, so that a shared descriptor can be put back as found (contract P4). Works on
/// any descriptor.
bool set_nonblocking(FileDescriptor descriptor, bool enabled = true);
/// Works on any descriptor.
void set_close_on_exec(FileDescriptor descriptor, bool enabled = true);
void set_reuse_address(FileDescriptor descriptor, bool enabled = true);
void set_reuse_port(FileDescriptor descriptor, bool enabled = true);
void set_keep_alive(FileDescriptor descriptor, bool enabled = true);
void set_broadcast(FileDescriptor descriptor, bool enabled = true);
/// Whether an IPv6 socket leaves IPv4 connections to others.
void set_ipv6_only(FileDescriptor descriptor, bool enabled = true);

// On live connections: these never throw.

/// Small writes leave at once (TCP_NODELAY). Anything but TCP: nothing happens. Failing is not reported: the
/// connection is slower then, not wrong, or it is gone, which the next operation on it says better.
void set_no_delay(FileDescriptor descriptor) noexcept;

/// Datagrams of one size and one sender, in a row, may be received as one message that tells their size
/// (UDP_GRO). Failing is not reported: they come one by one then.
void set_joined_receives(FileDescriptor descriptor) noexcept;

/// Takes the error that is pending on a socket (SO_ERROR), such as why a connect has failed; none where there
/// is none.
[[nodiscard]] std::error_code socket_error(FileDescriptor descriptor) noexcept;

/// Ends the sending side (contract W5). A connection that is gone already says ENOTCONN.
[[nodiscard]] std::error_code shutdown_write(FileDescriptor descriptor) noexcept;

/// None for what is not a socket.
[[nodiscard]] std::optional<SocketType> socket_type(FileDescriptor descriptor) noexcept;
/// False for what is not a socket, too.
[[nodiscard]] bool is_stream_socket(FileDescriptor descriptor) noexcept;
/// UDP, and not another protocol that has datagrams.
[[nodiscard]] bool is_udp_socket(FileDescriptor descriptor) noexcept;
/// True for a socket that waits for connections.
[[nodiscard]] bool is_listening(FileDescriptor descriptor) noexcept;
/// `unspecified` for other families and for what is not a socket.
[[nodiscard]] AddressFamily family_of(FileDescriptor descriptor) noexcept;

}  // namespace tidegate::net
