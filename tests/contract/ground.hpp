// On what ground a contract test stands: which kind of connection, on which backend, seen from which side,
// received how.
#pragma once

#include <tidegate/loop.hpp>

#include <ostream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace tidegate::contract {

/// What carries the bytes.
enum class Carrier { tcp_ipv4, tcp_ipv6, unix_path, unix_abstract, socket_pair, tls_tcp, tls_unix };
/// Whether the end under test called or was called.
enum class Side { connecting, accepted };
/// Which kind of protocol the end under test has.
enum class Receiver { plain, buffered };

/// One parameter of a contract test.
struct Ground {
  Carrier carrier = Carrier::tcp_ipv4;
  BackendKind backend = BackendKind::epoll;
  Side side = Side::connecting;
  Receiver receiver = Receiver::plain;

  /// What the wire is; secured or not.
  [[nodiscard]] bool is_tcp() const noexcept {
    return carrier == Carrier::tcp_ipv4 || carrier == Carrier::tcp_ipv6 || carrier == Carrier::tls_tcp;
  }
  [[nodiscard]] bool is_tls() const noexcept {
    return carrier == Carrier::tls_tcp || carrier == Carrier::tls_unix;
  }
};

/// Names for test reports: "tcp_ipv4", "epoll", "tcp_ipv4_connecting_plain_epoll".
[[nodiscard]] std::string to_string(Carrier carrier);
[[nodiscard]] std::string to_string(BackendKind backend);
[[nodiscard]] std::string to_string(const Ground& ground);
inline void PrintTo(const Ground& ground, std::ostream* out) {
  *out << to_string(ground);
}  // NOLINT: GoogleTest's name
[[nodiscard]] inline std::string name_of(const ::testing::TestParamInfo<Ground>& parameter) {
  return to_string(parameter.param);
}

/// The backends to be tested; on those that this machine does not have, tests are skipped.
[[nodiscard]] std::vector<BackendKind> backends();
/// Why loops can't stand on this backend here; empty where they can.
[[nodiscard]] std::string obstacle_to(BackendKind backend);
/// Every carrier once, with either side and either receiver among them.
[[nodiscard]] std::vector<Ground> each_carrier();
/// As that, and one carrier of each family from its other side.
[[nodiscard]] std::vector<Ground> each_side();
/// As that, and one carrier of each family with the other receiver.
[[nodiscard]] std::vector<Ground> each_receiver();

/// Those of them on which one direction can end before the other.
[[nodiscard]] std::vector<Ground> without_tls(std::vector<Ground> grounds);

}  // namespace tidegate::contract
