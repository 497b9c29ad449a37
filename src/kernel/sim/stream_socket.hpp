// A TCP or Unix stream socket: from its making, by way of a name, to listening or to a connection. Knows
// nothing of what travels on a connection.
#pragma once

#include "kernel/sim/accept_queue.hpp"
#include "kernel/sim/address_book.hpp"
#include "kernel/sim/connection.hpp"
#include "kernel/sim/file.hpp"
#include "kernel/sim/handshake.hpp"
#include "kernel/sim/socket_options.hpp"

#include <cstdint>
#include <memory>
#include <optional>

namespace tidegate::kernel::sim {

struct Environment;

class StreamSocket final : public SocketFile, private HandshakeOwner {
 public:
  /// A new one. `domain`: AF_INET, AF_INET6 or AF_UNIX.
  StreamSocket(Environment& environment, int domain) noexcept;
  /// One end of a connection that is there.
  StreamSocket(Environment& environment, std::shared_ptr<Connection> connection, Side side) noexcept;

  /// REQUIRES: it listens.
  [[nodiscard]] const std::shared_ptr<AcceptQueue>& accept_queue() const noexcept { return queue_; }

  [[nodiscard]] std::ptrdiff_t receive(msghdr& message, int flags) noexcept override;
  [[nodiscard]] std::ptrdiff_t send(const msghdr& message) noexcept override;
  [[nodiscard]] short poll() const noexcept override;
  void close() noexcept override;
  [[nodiscard]] std::uint32_t name() const noexcept override { return name_; }
  [[nodiscard]] SocketFile* as_socket() noexcept override { return this; }
  [[nodiscard]] PipeEnd* as_pipe() noexcept override { return nullptr; }

  [[nodiscard]] int bind(const sockaddr* address, socklen_t length) noexcept override;
  [[nodiscard]] int listen(int backlog) noexcept override;
  [[nodiscard]] int connect(const sockaddr* address, socklen_t length) noexcept override;
  [[nodiscard]] int accept(std::shared_ptr<File>& accepted, sockaddr* address,
                           socklen_t* length) noexcept override;
  [[nodiscard]] int getsockname(sockaddr* address, socklen_t* length) const noexcept override;
  [[nodiscard]] int getpeername(sockaddr* address, socklen_t* length) const noexcept override;
  [[nodiscard]] int getsockopt(int level, int name, void* value, socklen_t* length) noexcept override;
  [[nodiscard]] int setsockopt(int level, int name, const void* value, socklen_t length) noexcept override;
  [[nodiscard]] int shutdown(int how) noexcept override;

 private:
  enum class State : std::uint8_t {
    fresh,
    listening,
    connecting,
    /// It has been; perhaps the connection is over.
    connected,
    /// A connect has failed; the next one tells of it, if nobody has heard, and makes it fresh.
    failed
  };

  void handshake_done() noexcept override;
  void handshake_failed(int error) noexcept override;

  [[nodiscard]] int connect_tcp(SocketName to) noexcept;
  [[nodiscard]] int connect_unix(const SocketName& to) noexcept;
  [[nodiscard]] int bind_where_free(const SocketName& name) noexcept;
  [[nodiscard]] SocketOptions& options() noexcept;

  Environment& environment_;
  SocketOptions options_;
  std::uint32_t name_;
  State state_ = State::fresh;
  Side side_ = Side::connecting;
  /// A connect that goes on in the background has not been asked about since it was done.
  bool connect_is_unheard_ = false;
  int error_ = 0;
  Binding binding_;
  std::shared_ptr<AcceptQueue> queue_;
  std::shared_ptr<Connection> connection_;
  std::optional<Handshake> handshake_;
};

}  // namespace tidegate::kernel::sim
