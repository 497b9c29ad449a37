// Sockets as values: one that is owned, for handing to the loop, and a view of one that a transport owns.
#pragma once

#include <tidegate/descriptor.hpp>
#include <tidegate/endpoint.hpp>

#include <cstddef>
#include <utility>

namespace tidegate {

/// A look at a socket that somebody else owns (a transport, a server): its addresses and options. It must not
/// be closed, read or written through this.
///
/// Lifetime: valid while the owner is open; for a transport until `connection_lost` has returned (contract
/// L9).
class SocketView {
 public:
  SocketView() noexcept = default;
  explicit SocketView(FileDescriptor descriptor) noexcept : descriptor_(descriptor) {}

  [[nodiscard]] FileDescriptor descriptor() const noexcept { return descriptor_; }
  /// This end's address. Throws OsError.
  [[nodiscard]] Endpoint local_endpoint() const;
  /// The other end's address. Throws OsError (ENOTCONN where there is none).
  [[nodiscard]] Endpoint remote_endpoint() const;
  /// An option whose value is an int (`SOL_SOCKET`, `SO_RCVBUF` ... of <sys/socket.h>). Throws OsError.
  [[nodiscard]] int get_option(int level, int name) const;
  /// Throws OsError.
  void set_option(int level, int name, int value) const;

 private:
  FileDescriptor descriptor_;
};

/// A socket with one owner, closed when the owner goes.
class Socket {
 public:
  Socket() noexcept = default;
  /// Takes over an open socket.
  explicit Socket(OwnedFileDescriptor descriptor) noexcept : descriptor_(std::move(descriptor)) {}

  /// A new stream socket, non-blocking and close-on-exec. Throws OsError, or std::invalid_argument for
  /// `unspecified`.
  [[nodiscard]] static Socket stream(AddressFamily family);
  /// Two connected Unix stream sockets (socketpair). Throws OsError.
  [[nodiscard]] static std::pair<Socket, Socket> pair();
  /// A new datagram socket, as `stream`.
  [[nodiscard]] static Socket datagram(AddressFamily family);

  /// Names this end. Throws OsError that names the address.
  void bind(const Endpoint& endpoint) const;
  /// Starts to queue connections. Throws OsError.
  void listen(int backlog) const;

  [[nodiscard]] SocketView view() const noexcept { return SocketView(descriptor_.get()); }
  [[nodiscard]] FileDescriptor descriptor() const noexcept { return descriptor_.get(); }
  [[nodiscard]] bool valid() const noexcept { return descriptor_.valid(); }
  /// Gives the descriptor away.
  [[nodiscard]] OwnedFileDescriptor release() noexcept { return std::move(descriptor_); }
  /// Closes it now.
  void close() noexcept { descriptor_.reset(); }

 private:
  OwnedFileDescriptor descriptor_;
};

}  // namespace tidegate
