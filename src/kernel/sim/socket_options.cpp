// The table of socket options: see socket_options.hpp.
#include "kernel/sim/socket_options.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <limits>

#include <netinet/in.h>
#include <netinet/tcp.h>

namespace tidegate::kernel::sim {

namespace {

/// net.core.wmem_default and rmem_default: what datagram sockets have.
constexpr std::size_t kDatagramBufferBytes = 212992;
/// The least that Linux makes of SO_SNDBUF and SO_RCVBUF.
constexpr std::size_t kLeastSendBufferBytes = 4608;
constexpr std::size_t kLeastReceiveBufferBytes = 2304;

/// What Linux makes of SO_SNDBUF and SO_RCVBUF: twice that, for what belongs to the bytes.
std::size_t buffer_bytes(int asked_for, std::size_t least) noexcept {
  constexpr int kMost = std::numeric_limits<int>::max() / 2;
  const int doubled = 2 * std::clamp(asked_for, 0, kMost);
  return std::max(static_cast<std::size_t>(doubled), least);
}

}  // namespace

struct SocketOptions::Known {
  int level;
  int name;
  Number number;
};

const SocketOptions::Known* SocketOptions::find(int level, int name) noexcept {
  static constexpr std::array<Known, kNumbers> kKnown{{
      {SOL_SOCKET, SO_REUSEADDR, kReuseAddress},
      {SOL_SOCKET, SO_REUSEPORT, kReusePort},
      {SOL_SOCKET, SO_KEEPALIVE, kKeepAlive},
      {SOL_SOCKET, SO_BROADCAST, kBroadcast},
      {IPPROTO_IPV6, IPV6_V6ONLY, kIpv6Only},
      {IPPROTO_TCP, TCP_NODELAY, kNoDelay},
      {IPPROTO_TCP, TCP_USER_TIMEOUT, kUserTimeout},
      {IPPROTO_TCP, TCP_KEEPIDLE, kKeepIdle},
      {IPPROTO_TCP, TCP_KEEPINTVL, kKeepInterval},
      {IPPROTO_TCP, TCP_KEEPCNT, kKeepCount},
  }};
  const auto* found = std::find_if(kKnown.begin(), kKnown.end(), [&](const Known& known) {
    return known.level == level && known.name == name;
  });
  return found == kKnown.end() ? nullptr : found;
}

SocketOptions::SocketOptions(int domain, int type, const NetworkConditions& conditions) noexcept
    : domain_(domain),
      type_(type),
      send_buffer_bytes_(type == SOCK_STREAM ? conditions.send_buffer_bytes : kDatagramBufferBytes),
      receive_buffer_bytes_(type == SOCK_STREAM ? conditions.receive_buffer_bytes : kDatagramBufferBytes) {
  values_[kKeepIdle] = 7200;
  values_[kKeepInterval] = 75;
  values_[kKeepCount] = 9;
}

int SocketOptions::set(int level, int name, const void* value, socklen_t length) noexcept {
  if (const int error = error_of_level(level); error != 0) return error;
  if (level == SOL_SOCKET && name == SO_ATTACH_FILTER) {
    plays_dead_ = true;
    return 0;
  }
  if (level == SOL_SOCKET && name == SO_DETACH_FILTER) {
    plays_dead_ = false;
    return 0;
  }
  if (level == SOL_SOCKET && name == SO_LINGER) {
    if (length < sizeof(linger_)) return -EINVAL;
    std::memcpy(&linger_, value, sizeof(linger_));
    return 0;
  }

  int number = 0;
  if (length < sizeof(number)) return -EINVAL;
  std::memcpy(&number, value, sizeof(number));
  if (level == SOL_SOCKET && name == SO_SNDBUF) {
    send_buffer_bytes_ = buffer_bytes(number, kLeastSendBufferBytes);
    return 0;
  }
  if (level == SOL_SOCKET && name == SO_RCVBUF) {
    receive_buffer_bytes_ = buffer_bytes(number, kLeastReceiveBufferBytes);
    return 0;
  }
  const Known* known = find(level, name);
  if (known == nullptr) return -ENOPROTOOPT;
  if (known->number == kUserTimeout && number < 0) return -EINVAL;
  values_[known->number] = number;
  return 0;
}

int SocketOptions::get(int level, int name, void* value, socklen_t* length) const noexcept {
  if (const int error = error_of_level(level); error != 0) return error;
  if (level == SOL_SOCKET) {
    const bool is_stream = type_ == SOCK_STREAM;
    switch (name) {
      case SO_TYPE:
        return tell_option(type_, value, length);
      case SO_DOMAIN:
        return tell_option(domain_, value, length);
      case SO_PROTOCOL:
        return tell_option(is_unix() ? 0 : is_stream ? IPPROTO_TCP : IPPROTO_UDP, value, length);
      case SO_SNDBUF:
        return tell_option(static_cast<int>(send_buffer_bytes_), value, length);
      case SO_RCVBUF:
        return tell_option(static_cast<int>(receive_buffer_bytes_), value, length);
      case SO_LINGER:
        return tell_option(&linger_, sizeof(linger_), value, length);
      default:
        break;
    }
  }
  const Known* known = find(level, name);
  return known == nullptr ? -ENOPROTOOPT : tell_option(value_of(known->number), value, length);
}

std::optional<Duration> SocketOptions::user_timeout() const noexcept {
  if (value_of(kUserTimeout) == 0) return std::nullopt;
  return std::chrono::milliseconds(value_of(kUserTimeout));
}

/// Whether sockets of this kind know options of that level at all.
int SocketOptions::error_of_level(int level) const noexcept {
  if (level == SOL_SOCKET) return 0;
  if (is_unix()) return -EOPNOTSUPP;
  if (level == IPPROTO_TCP && type_ != SOCK_STREAM) return -ENOPROTOOPT;
  if (level == IPPROTO_IPV6 && domain_ != AF_INET6) return -ENOPROTOOPT;
  return 0;
}

int tell_option(const void* option, socklen_t size, void* value, socklen_t* length) noexcept {
  const socklen_t told = std::min(*length, size);
  std::memcpy(value, option, told);
  *length = told;
  return 0;
}

int tell_option(int option, void* value, socklen_t* length) noexcept {
  return tell_option(&option, sizeof(option), value, length);
}

}  // namespace tidegate::kernel::sim
