// Sockets as values: making, naming and asking them. Knows nothing of reading and writing.
#include <tidegate/error.hpp>
#include <tidegate/socket.hpp>

#include "net/descriptor_calls.hpp"
#include "net/socket_address.hpp"

#include <cerrno>
#include <stdexcept>
#include <string>

#include <fmt/format.h>
#include <sys/socket.h>

namespace tidegate {

namespace {

constexpr int kFlags = SOCK_NONBLOCK | SOCK_CLOEXEC;

/// Takes errno before anything else can change it.
std::error_code last_error() noexcept { return {errno, std::system_category()}; }

Socket make(AddressFamily family, int type) {
  if (family == AddressFamily::unspecified) throw std::invalid_argument("a socket needs an address family");
  const FileDescriptor descriptor{::socket(net::to_native(family), type | kFlags, 0)};
  if (!descriptor.valid()) throw OsError(last_error(), "socket");
  return Socket(OwnedFileDescriptor(descriptor));
}

using AddressCall = int (*)(FileDescriptor, sockaddr*, socklen_t*) noexcept;

Endpoint ask(AddressCall call, FileDescriptor descriptor, const char* what) {
  net::SocketAddress address;
  address.length = net::SocketAddress::capacity();
  if (call(descriptor, address.get(), &address.length) != 0) throw OsError(last_error(), what);
  return net::from_sockaddr(address);
}

/// For the text of an error that is being thrown already.
std::string own_name(FileDescriptor descriptor) {
  try {
    return SocketView(descriptor).local_endpoint().to_string();
  } catch (const OsError&) {
    return fmt::format("descriptor {}", descriptor.number);
  }
}

}  // namespace

Endpoint SocketView::local_endpoint() const {
  return ask(net::call::getsockname, descriptor_, "getsockname");
}

Endpoint SocketView::remote_endpoint() const {
  return ask(net::call::getpeername, descriptor_, "getpeername");
}

int SocketView::get_option(int level, int name) const {
  int value = 0;
  socklen_t length = sizeof(value);
  if (net::call::getsockopt(descriptor_, level, name, &value, &length) != 0) {
    const std::error_code code = last_error();
    throw OsError(code, fmt::format("get socket option {} of level {}", name, level));
  }
  return value;
}

void SocketView::set_option(int level, int name, int value) const {
  if (net::call::setsockopt(descriptor_, level, name, &value, sizeof(value)) == 0) return;
  const std::error_code code = last_error();
  throw OsError(code, fmt::format("set socket option {} of level {} to {}", name, level, value));
}

Socket Socket::stream(AddressFamily family) { return make(family, SOCK_STREAM); }

Socket Socket::datagram(AddressFamily family) { return make(family, SOCK_DGRAM); }

std::pair<Socket, Socket> Socket::pair() {
  int numbers[2] = {-1, -1};
  if (::socketpair(AF_UNIX, SOCK_STREAM | kFlags, 0, numbers) != 0) throw OsError(last_error(), "socketpair");
  return {Socket(OwnedFileDescriptor(FileDescriptor{numbers[0]})),
          Socket(OwnedFileDescriptor(FileDescriptor{numbers[1]}))};
}

void Socket::bind(const Endpoint& endpoint) const {
  const net::SocketAddress address = net::to_sockaddr(endpoint);
  if (net::call::bind(descriptor(), address.get(), address.length) == 0) return;
  const std::error_code code = last_error();
  throw OsError(code, "bind " + endpoint.to_string());
}

void Socket::listen(int backlog) const {
  if (net::call::listen(descriptor(), backlog) == 0) return;
  const std::error_code code = last_error();
  throw OsError(code, "listen " + own_name(descriptor()));
}

}  // namespace tidegate
