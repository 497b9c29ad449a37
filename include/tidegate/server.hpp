// Servers: listening sockets together with the connections that came through them.
#pragma once

#include <tidegate/endpoint.hpp>
#include <tidegate/ref.hpp>
#include <tidegate/socket.hpp>

#include <utility>
#include <vector>

namespace tidegate {

class Loop;
template <typename T>
class Task;

/// What a Server refers to; see there.
class ServerInterface : public Referenced {
 public:
  [[nodiscard]] virtual std::vector<SocketView> sockets() const = 0;
  [[nodiscard]] virtual bool is_serving() const noexcept = 0;
  virtual void start_serving() = 0;
  [[nodiscard]] virtual Task<void> serve_forever() = 0;
  virtual void close() = 0;
  virtual void close_clients() = 0;
  virtual void abort_clients() = 0;
  [[nodiscard]] virtual Task<void> wait_closed() = 0;
  [[nodiscard]] virtual Loop& loop() const noexcept = 0;

 protected:
  ~ServerInterface() = default;
};

/// A server as `create_server` and `create_unix_server` return it: a counted reference, cheap to copy
/// (contract C1).
///
/// Lifetime: the loop keeps a server that is listening alive; dropping every reference does not close it.
/// Thread: that of the loop.
class Server {
 public:
  /// No server. REQUIRES of every member below: not this.
  Server() noexcept = default;
  explicit Server(Ref<ServerInterface> server) noexcept : server_(std::move(server)) {}

  /// The listening sockets; none once closed.
  [[nodiscard]] std::vector<SocketView> sockets() const { return server_->sockets(); }
  /// The addresses of the listening sockets, with the ports that the system chose.
  [[nodiscard]] std::vector<Endpoint> endpoints() const;
  /// Whether connections are being accepted.
  [[nodiscard]] bool is_serving() const noexcept { return server_->is_serving(); }
  /// Starts to accept; for servers made with `.start_serving = false`. Idempotent. Throws InvalidStateError
  /// once closed, OsError when listening fails.
  void start_serving() { server_->start_serving(); }
  /// Accepts until the task is cancelled; then closes the server, waits for its connections, and throws
  /// CancelledError. Throws InvalidStateError when the server is closed or when it is awaited twice at a
  /// time.
  [[nodiscard]] Task<void> serve_forever() const;
  /// Stops accepting and closes the listening sockets. Connections stay. Idempotent.
  void close() { server_->close(); }
  /// Closes every connection of this server that is open (`Transport::close`).
  void close_clients() { server_->close_clients(); }
  /// Aborts every connection of this server that is open (`Transport::abort`).
  void abort_clients() { server_->abort_clients(); }
  /// Waits until the server is closed and its last connection has ended. Returns at once where that is so
  /// already.
  [[nodiscard]] Task<void> wait_closed() const;
  /// The loop that runs this server.
  [[nodiscard]] Loop& loop() const noexcept { return server_->loop(); }

  explicit operator bool() const noexcept { return static_cast<bool>(server_); }

 private:
  Ref<ServerInterface> server_;
};

}  // namespace tidegate
