// See socket.hpp.
#include "socket.hpp"

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <system_error>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/un.h>
#include <unistd.h>

namespace load {

namespace {

[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

bool would_block() noexcept { return errno == EAGAIN || errno == EINTR; }

}  // namespace

// --- Address -----------------------------------------------------------------------------------------------

Address Address::unix_path(std::string_view path) {
  sockaddr_un name{};
  if (path.empty() || path.size() >= sizeof name.sun_path) {
    throw std::invalid_argument("a Unix path has 1 to 107 bytes");
  }
  name.sun_family = AF_UNIX;
  std::memcpy(name.sun_path, path.data(), path.size());
  Address address;
  std::memcpy(&address.storage_, &name, sizeof name);
  address.size_ = sizeof name;
  return address;
}

Address Address::loopback(std::uint16_t port) noexcept {
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_port = htons(port);
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  Address address;
  std::memcpy(&address.storage_, &name, sizeof name);
  address.size_ = sizeof name;
  return address;
}

const sockaddr* Address::data() const noexcept {
  return static_cast<const sockaddr*>(static_cast<const void*>(&storage_));
}

// --- Socket ------------------------------------------------------------------------------------------------

Socket Socket::open(const Address& address, int extra_type) {
  Socket socket(::socket(address.data()->sa_family, SOCK_STREAM | SOCK_CLOEXEC | extra_type, 0));
  if (socket.number_ < 0) fail("socket");
  const int on = 1;
  if (!address.is_unix() && ::setsockopt(socket.number_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0) {
    fail("TCP_NODELAY");
  }
  return socket;
}

Socket Socket::connect(const Address& address) {
  Socket socket = open(address, 0);
  if (::connect(socket.number_, address.data(), address.size()) != 0) fail("connect");
  if (::fcntl(socket.number_, F_SETFL, O_NONBLOCK) != 0) fail("O_NONBLOCK");
  return socket;
}

Socket Socket::start_connecting(const Address& address, std::uint8_t source) {
  Socket socket = open(address, SOCK_NONBLOCK);
  if (!address.is_unix()) {
    const int on = 1;
    if (::setsockopt(socket.number_, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on) != 0) {
      fail("IP_BIND_ADDRESS_NO_PORT");
    }
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl((INADDR_LOOPBACK & 0xffffff00U) | source);
    if (::bind(socket.number_, static_cast<const sockaddr*>(static_cast<const void*>(&name)), sizeof name) !=
        0) {
      fail("bind");
    }
  }
  if (::connect(socket.number_, address.data(), address.size()) != 0 && errno != EINPROGRESS) fail("connect");
  return socket;
}

void Socket::close() noexcept {
  if (number_ >= 0) ::close(std::exchange(number_, -1));
}

std::size_t Socket::send(std::span<const unsigned char> bytes) const {
  const ssize_t count = ::send(number_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (count >= 0) return static_cast<std::size_t>(count);
  if (!would_block()) fail("send");
  return 0;
}

std::size_t Socket::receive(std::span<unsigned char> memory) const {
  const ssize_t count = ::recv(number_, memory.data(), memory.size(), 0);
  if (count > 0) return static_cast<std::size_t>(count);
  if (count == 0) throw std::runtime_error("the server closed a connection");
  if (!would_block()) fail("recv");
  return 0;
}

}  // namespace load
