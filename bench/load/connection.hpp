// A connection to the server as the loads see it: bytes there, bytes back, encrypted where that is asked for.
#pragma once

#include "arguments.hpp"
#include "socket.hpp"
#include "tls.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

namespace load {

/// What has to be given to `Connection::receive`, at least.
inline constexpr std::size_t kReceiveBytes = std::size_t{256} * 1024;

class Connection {
 public:
  Connection() noexcept = default;
  explicit Connection(Socket socket, std::unique_ptr<TlsStream> tls = nullptr) noexcept;

  /// To wait for.
  [[nodiscard]] int number() const noexcept { return socket_.number(); }
  /// Whether `send`, of whatever is left, or of nothing, is to be called again when the kernel has room.
  [[nodiscard]] bool is_blocked() const noexcept { return is_blocked_; }
  /// Whether bytes can be sent: a handshake comes first, and receiving is what it goes on with.
  [[nodiscard]] bool is_ready() const noexcept { return !tls_ || tls_->is_ready(); }

  /// How many bytes were taken: 0 where none are now. Throws std::system_error.
  std::size_t send(std::span<const unsigned char> bytes);
  /// How many bytes arrived; 0 where none are there now. REQUIRES: kReceiveBytes of memory. Throws
  /// std::exception, also for an end of file: no server has a reason to close first.
  std::size_t receive(std::span<unsigned char> memory);

  /// Null where nothing is encrypted.
  [[nodiscard]] TlsStream* tls() noexcept { return tls_.get(); }
  /// Ends it in order. Nothing may be called afterwards.
  void close() noexcept;

 private:
  void flush();

  Socket socket_;
  std::unique_ptr<TlsStream> tls_;
  bool is_blocked_ = false;
};

/// Makes the connections of a run.
class Connector {
 public:
  /// Throws std::exception where the certificates to trust can't be read.
  explicit Connector(const Arguments& arguments);

  /// Waits until the connection is there, and ready. Throws std::exception.
  [[nodiscard]] Connection connect() const;
  /// Starts, and does not wait; TCP comes from 127.0.0.`source`. Throws std::exception.
  [[nodiscard]] Connection start_connecting(std::uint8_t source, TlsSession session) const;

 private:
  [[nodiscard]] std::unique_ptr<TlsStream> make_tls(TlsSession session) const;

  Address address_;
  std::optional<TlsContext> tls_;
};

}  // namespace load
