// The sets of grounds: see ground.hpp.
#include "contract/ground.hpp"

#include "support/test_network.hpp"

namespace tidegate::contract {

std::string to_string(Carrier carrier) {
  switch (carrier) {
    case Carrier::tcp_ipv4:
      return "tcp_ipv4";
    case Carrier::tcp_ipv6:
      return "tcp_ipv6";
    case Carrier::unix_path:
      return "unix_path";
    case Carrier::unix_abstract:
      return "unix_abstract";
    case Carrier::socket_pair:
      return "socket_pair";
    case Carrier::tls_tcp:
      return "tls_tcp";
    case Carrier::tls_unix:
      return "tls_unix";
  }
  return "?";
}

std::string to_string(BackendKind backend) {
  switch (backend) {
    case BackendKind::automatic:
      return "automatic";
    case BackendKind::epoll:
      return "epoll";
    case BackendKind::io_uring:
      return "io_uring";
    case BackendKind::simulated:
      return "simulated";
  }
  return "?";
}

std::string to_string(const Ground& ground) {
  return to_string(ground.carrier) + (ground.side == Side::connecting ? "_connecting_" : "_accepted_") +
         (ground.receiver == Receiver::plain ? "plain_" : "buffered_") + to_string(ground.backend);
}

std::vector<BackendKind> backends() { return {BackendKind::epoll, BackendKind::io_uring}; }

/// A loop falls back to epoll where the kernel refuses what was asked for: then a test would run on epoll
/// twice.
std::string obstacle_to(BackendKind backend) {
  if (backend != BackendKind::io_uring || support::TestNetwork::is_asked_for()) return {};
  const Loop probe(LoopOptions{.backend = backend});
  if (probe.backend_name() == to_string(backend)) return {};
  return "no " + to_string(backend) + " here: a loop that asks for it stands on " +
         std::string(probe.backend_name());
}

std::vector<Ground> each_carrier() {
  std::vector<Ground> grounds;
  for (const BackendKind backend : backends()) {
    grounds.push_back({Carrier::tcp_ipv4, backend, Side::connecting, Receiver::plain});
    grounds.push_back({Carrier::tcp_ipv6, backend, Side::accepted, Receiver::buffered});
    grounds.push_back({Carrier::unix_path, backend, Side::accepted, Receiver::plain});
    grounds.push_back({Carrier::unix_abstract, backend, Side::connecting, Receiver::buffered});
    grounds.push_back({Carrier::socket_pair, backend, Side::connecting, Receiver::plain});
#ifdef TIDEGATE_HAS_TLS
    grounds.push_back({Carrier::tls_tcp, backend, Side::accepted, Receiver::plain});
    grounds.push_back({Carrier::tls_unix, backend, Side::connecting, Receiver::buffered});
#endif
  }
  return grounds;
}

std::vector<Ground> each_side() {
  std::vector<Ground> grounds = each_carrier();
  for (const BackendKind backend : backends()) {
    grounds.push_back({Carrier::tcp_ipv4, backend, Side::accepted, Receiver::plain});
    grounds.push_back({Carrier::unix_path, backend, Side::connecting, Receiver::buffered});
    grounds.push_back({Carrier::socket_pair, backend, Side::accepted, Receiver::buffered});
#ifdef TIDEGATE_HAS_TLS
    grounds.push_back({Carrier::tls_tcp, backend, Side::connecting, Receiver::plain});
#endif
  }
  return grounds;
}

std::vector<Ground> each_receiver() {
  std::vector<Ground> grounds = each_carrier();
  for (const BackendKind backend : backends()) {
    grounds.push_back({Carrier::tcp_ipv4, backend, Side::connecting, Receiver::buffered});
    grounds.push_back({Carrier::unix_path, backend, Side::accepted, Receiver::buffered});
#ifdef TIDEGATE_HAS_TLS
    grounds.push_back({Carrier::tls_tcp, backend, Side::accepted, Receiver::buffered});
#endif
  }
  return grounds;
}

std::vector<Ground> without_tls(std::vector<Ground> grounds) {
  std::erase_if(grounds, [](const Ground& ground) { return ground.is_tls(); });
  return grounds;
}

}  // namespace tidegate::contract
