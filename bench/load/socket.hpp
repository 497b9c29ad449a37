// Addresses and connected sockets as values; knows nothing of what is said over them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

#include <sys/socket.h>

namespace load {

/// Where the server listens.
class Address {
 public:
  Address() noexcept = default;
  /// Throws std::invalid_argument for a path that is empty or too long.
  [[nodiscard]] static Address unix_path(std::string_view path);
  [[nodiscard]] static Address loopback(std::uint16_t port) noexcept;

  [[nodiscard]] bool is_unix() const noexcept { return storage_.ss_family == AF_UNIX; }
  [[nodiscard]] const sockaddr* data() const noexcept;
  [[nodiscard]] socklen_t size() const noexcept { return size_; }

 private:
  sockaddr_storage storage_{};
  socklen_t size_ = 0;
};

/// A connected, or connecting, stream socket. Its calls never block once it is connected.
class Socket {
 public:
  Socket() noexcept = default;
  Socket(Socket&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Socket& operator=(Socket&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket() { close(); }

  /// Waits until the connection is there. Throws std::system_error.
  [[nodiscard]] static Socket connect(const Address& address);

  /// Starts, and does not wait; TCP comes from 127.0.0.`source`. Throws std::system_error.
  [[nodiscard]] static Socket start_connecting(const Address& address, std::uint8_t source);

  [[nodiscard]] int number() const noexcept { return number_; }
  void close() noexcept;

  /// How many bytes the kernel took; 0 where it takes none now. Throws std::system_error.
  [[nodiscard]] std::size_t send(std::span<const unsigned char> bytes) const;

  /// How many bytes arrived; 0 where none are there now. Throws std::system_error, also for an end of file:
  /// no server has a reason to close first.
  [[nodiscard]] std::size_t receive(std::span<unsigned char> memory) const;

 private:
  explicit Socket(int number) noexcept : number_(number) {}
  [[nodiscard]] static Socket open(const Address& address, int extra_type);

  int number_ = -1;
};

}  // namespace load
