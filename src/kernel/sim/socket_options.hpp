// The options of a simulated socket, as values. Knows nothing of what they lead to.
#pragma once

#include <tidegate/simulated_network.hpp>

#include <array>
#include <cstddef>
#include <optional>

#include <sys/socket.h>

namespace tidegate::kernel::sim {

/// What setsockopt sets and getsockopt tells.
class SocketOptions {
 public:
  /// As the system has them when a socket is made. `type`: SOCK_STREAM or SOCK_DGRAM.
  SocketOptions(int domain, int type, const NetworkConditions& conditions) noexcept;

  /// 0 or a negative errno.
  [[nodiscard]] int set(int level, int name, const void* value, socklen_t length) noexcept;
  /// SO_ERROR and SO_ACCEPTCONN are the socket's own affair.
  [[nodiscard]] int get(int level, int name, void* value, socklen_t* length) const noexcept;

  [[nodiscard]] int domain() const noexcept { return domain_; }
  [[nodiscard]] bool is_unix() const noexcept { return domain_ == AF_UNIX; }
  [[nodiscard]] std::size_t send_buffer_bytes() const noexcept { return send_buffer_bytes_; }
  [[nodiscard]] std::size_t receive_buffer_bytes() const noexcept { return receive_buffer_bytes_; }
  [[nodiscard]] bool reuses_address() const noexcept { return value_of(kReuseAddress) != 0; }
  [[nodiscard]] bool reuses_port() const noexcept { return value_of(kReusePort) != 0; }
  [[nodiscard]] bool may_broadcast() const noexcept { return value_of(kBroadcast) != 0; }
  [[nodiscard]] bool is_ipv6_only() const noexcept { return value_of(kIpv6Only) != 0; }
  /// Closing it resets the connection (SO_LINGER with no time).
  [[nodiscard]] bool resets_when_closed() const noexcept {
    return linger_.l_onoff != 0 && linger_.l_linger == 0;
  }
  /// TCP_USER_TIMEOUT; none where it is not set.
  [[nodiscard]] std::optional<Duration> user_timeout() const noexcept;
  /// A filter lets nothing in (SO_ATTACH_FILTER).
  [[nodiscard]] bool plays_dead() const noexcept { return plays_dead_; }

 private:
  /// The options that are one int, in the order of the table in socket_options.cpp.
  enum Number : std::size_t {
    kReuseAddress,
    kReusePort,
    kKeepAlive,
    kBroadcast,
    kIpv6Only,
    kNoDelay,
    kUserTimeout,
    kKeepIdle,
    kKeepInterval,
    kKeepCount,
    kNumbers
  };
  struct Known;

  [[nodiscard]] static const Known* find(int level, int name) noexcept;
  [[nodiscard]] int value_of(Number number) const noexcept { return values_[number]; }
  [[nodiscard]] int error_of_level(int level) const noexcept;

  int domain_;
  int type_;
  std::array<int, kNumbers> values_{};
  std::size_t send_buffer_bytes_;
  std::size_t receive_buffer_bytes_;
  linger linger_{};
  bool plays_dead_ = false;
};

/// What getsockopt does with a value: as much of it as there is room for. 0 or -EINVAL.
int tell_option(const void* option, socklen_t size, void* value, socklen_t* length) noexcept;
int tell_option(int option, void* value, socklen_t* length) noexcept;

}  // namespace tidegate::kernel::sim
