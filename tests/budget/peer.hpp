// The other end of a connection in the budget tests: a plain socket whose calls are neither counted nor made
// to fail.
#pragma once

#include <tidegate/descriptor.hpp>
#include <tidegate/endpoint.hpp>

#include "net/socket_address.hpp"

#include <cerrno>
#include <string>
#include <string_view>
#include <utility>

#include <sys/socket.h>
#include <unistd.h>

// The C library's own functions, under the names that the linker gives them.
extern "C" {
ssize_t __real_send(int descriptor, const void* data, std::size_t size, int flags);
ssize_t __real_sendmsg(int descriptor, const msghdr* message, int flags);
ssize_t __real_recv(int descriptor, void* memory, std::size_t size, int flags);
ssize_t __real_sendto(int descriptor, const void* data, std::size_t size, int flags, const sockaddr* address,
                      socklen_t length);
int __real_sendmmsg(int descriptor, mmsghdr* messages, unsigned count, int flags);
int __real_recvmmsg(int descriptor, mmsghdr* messages, unsigned count, int flags, timespec* limit);
int __real_accept4(int descriptor, sockaddr* address, socklen_t* length, int flags);
int __real_connect(int descriptor, const sockaddr* address, socklen_t length);
}

namespace tidegate::budget {

/// A connected socket of the test.
class Peer {
 public:
  Peer() = default;
  explicit Peer(OwnedFileDescriptor socket) noexcept : socket_(std::move(socket)) {}

  /// Connects, waiting for it; invalid where that failed.
  [[nodiscard]] static Peer connect(const Endpoint& endpoint) {
    const net::SocketAddress address = net::to_sockaddr(endpoint);
    OwnedFileDescriptor socket(
        FileDescriptor{::socket(address.get()->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0)});
    if (__real_connect(socket.get().number, address.get(), address.length) != 0) return {};
    return Peer(std::move(socket));
  }

  [[nodiscard]] bool valid() const noexcept { return socket_.valid(); }
  [[nodiscard]] int number() const noexcept { return socket_.get().number; }
  void close() noexcept { socket_.reset(); }

  /// Sends as much as the kernel takes now.
  std::size_t send(std::string_view text) const {
    const ssize_t count = __real_send(number(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    return count < 0 ? 0 : static_cast<std::size_t>(count);
  }

  /// Receives what is there now into `memory`; nothing for "nothing yet", and for the end, which sets
  /// `ended`.
  std::size_t receive(char* memory, std::size_t size) {
    const ssize_t count = __real_recv(number(), memory, size, MSG_DONTWAIT);
    if (count > 0) return static_cast<std::size_t>(count);
    if (count == 0 || errno != EAGAIN) ended = true;
    return 0;
  }

  /// All that is there now.
  [[nodiscard]] std::string receive_all() {
    std::string all;
    char memory[65536];
    while (const std::size_t count = receive(memory, sizeof memory)) all.append(memory, count);
    return all;
  }

  bool ended = false;

 private:
  OwnedFileDescriptor socket_;
};

}  // namespace tidegate::budget
