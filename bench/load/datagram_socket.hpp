// Connected UDP sockets as values, many datagrams per system call; knows nothing of what is in them.
#pragma once

#include "socket.hpp"

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <utility>

#include <sys/socket.h>
#include <sys/uio.h>

namespace load {

/// Sends to the server and hears from nobody else. It has UDP_GRO: what the server sent as one train arrives
/// as one message. Everything throws std::system_error.
class DatagramSocket {
 public:
  [[nodiscard]] static DatagramSocket connect(const Address& address);

  DatagramSocket(DatagramSocket&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  DatagramSocket& operator=(DatagramSocket&&) = delete;
  DatagramSocket(const DatagramSocket&) = delete;
  DatagramSocket& operator=(const DatagramSocket&) = delete;
  ~DatagramSocket();

  [[nodiscard]] int number() const noexcept { return number_; }

  /// Each piece is a datagram. Waits where the kernel has no room.
  void send_each(std::span<iovec> datagrams) const;

  /// All of it as datagrams of `size_bytes`, which the kernel cuts (UDP_SEGMENT). Waits as `send_each` does.
  void send_train(std::span<unsigned char> bytes, std::size_t size_bytes) const;

 private:
  explicit DatagramSocket(int number) noexcept : number_(number) {}
  void wait_for_room() const;

  int number_ = -1;
};

/// Memory for what arrives, of all sockets in turn.
class DatagramInbox {
 public:
  DatagramInbox();

  /// Takes what is there, calls `use(std::span<const unsigned char>)` for each datagram, and returns whether
  /// there may be more. Throws std::system_error, also where nobody listens.
  template <typename Use>
  bool receive(const DatagramSocket& socket, Use use) {
    const std::size_t count = receive_messages(socket);
    for (std::size_t i = 0; i < count; ++i) {
      std::span<const unsigned char> rest = message(i);
      for (const std::size_t size = datagram_bytes(i); rest.size() > size; rest = rest.subspan(size)) {
        use(rest.first(size));
      }
      use(rest);
    }
    return count == kMessages;
  }

 private:
  static constexpr std::size_t kMessages = 32;
  static constexpr std::size_t kMessageBytes = std::size_t{64} * 1024;

  struct Remarks {
    alignas(cmsghdr) std::array<unsigned char, CMSG_SPACE(sizeof(int))> bytes;
  };

  std::size_t receive_messages(const DatagramSocket& socket);
  [[nodiscard]] std::span<const unsigned char> message(std::size_t index) const noexcept;
  /// Of each datagram of a train but the last, or of the only one.
  [[nodiscard]] std::size_t datagram_bytes(std::size_t index) noexcept;

  std::unique_ptr<unsigned char[]> memory_;
  std::array<iovec, kMessages> pieces_{};
  std::array<Remarks, kMessages> remarks_{};
  std::array<mmsghdr, kMessages> headers_{};
};

}  // namespace load
