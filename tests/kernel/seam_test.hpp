// The seam by itself: a backend, sockets on it, and operations, with no loop and no transport. Every test
// runs on epoll, on io_uring as it is, and on rings so small that everything runs out all the time.
#pragma once

#include "kernel/backend.hpp"
#include "kernel/operations.hpp"
#include "support/raw_peer.hpp"
#include "support/test_network.hpp"

#include <chrono>
#include <concepts>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#ifdef TIDEGATE_HAS_IO_URING
#include "kernel/uring/uring_options.hpp"
#endif

namespace tidegate::kernel::testing {

using tidegate::testing::RawPeer;

/// A backend to be tested.
struct Ground {
  const char* name;
  /// Null where this machine refuses.
  std::unique_ptr<Backend> (*make)();

  [[nodiscard]] BackendKind kind() const noexcept {
    return std::string_view(name) == "simulated" ? BackendKind::simulated : BackendKind::automatic;
  }
};

/// The name of a test says on which.
inline void PrintTo(const Ground& ground, std::ostream* out) { *out << ground.name; }

[[nodiscard]] std::vector<Ground> grounds();
[[nodiscard]] std::string name_of(const ::testing::TestParamInfo<Ground>& ground);

/// A connected pair of stream sockets, both non-blocking.
struct SocketPair {
  OwnedFileDescriptor ours;
  OwnedFileDescriptor theirs;
};
[[nodiscard]] SocketPair unix_pair();
[[nodiscard]] SocketPair tcp_pair();

/// The same of datagram sockets: Unix ones, and UDP over IPv4.
[[nodiscard]] SocketPair unix_datagram_pair();
[[nodiscard]] SocketPair udp_pair();
/// A UDP socket on loopback, not connected, and where it is.
struct UdpSocket {
  OwnedFileDescriptor descriptor;
  net::SocketAddress address;
};
[[nodiscard]] UdpSocket udp_socket();

/// A listener on loopback, and where it is.
struct Listener {
  OwnedFileDescriptor descriptor;
  net::SocketAddress address;
};
[[nodiscard]] Listener tcp_listener(int queue = 64);
/// A listener whose queue is full and stays so: who connects to it waits.
class FullListener {
 public:
  FullListener();
  [[nodiscard]] const net::SocketAddress& address() const noexcept { return listener_.address; }

 private:
  Listener listener_;
  std::vector<OwnedFileDescriptor> waiting_;
};
/// Begins to connect to it.
[[nodiscard]] OwnedFileDescriptor connecting_to(const net::SocketAddress& address);
[[nodiscard]] OwnedFileDescriptor tcp_socket();

/// Bytes that differ from place to place.
[[nodiscard]] std::string pattern(std::size_t size, std::size_t from = 0);

/// Takes down what it set up, and fails where an operation has not completed as often as it was started, or a
/// descriptor is left open.
class SeamTest : public ::testing::TestWithParam<Ground> {
 protected:
  SeamTest();
  ~SeamTest() override;
  void SetUp() override;
  void TearDown() override;

  [[nodiscard]] Backend& backend() noexcept { return *backend_; }
  [[nodiscard]] bool is_epoll() const noexcept { return backend_->name() == "epoll"; }
  [[nodiscard]] bool is_simulated() const noexcept { return backend_->name() == "simulated"; }

  /// A channel and its other end.
  struct Link {
    ChannelId channel;
    RawPeer peer;
  };
  [[nodiscard]] Link link(SocketPair pair = unix_pair());
  /// A channel of any other descriptor.
  [[nodiscard]] ChannelId attach(OwnedFileDescriptor descriptor);
  /// The same of what is no socket.
  [[nodiscard]] ChannelId attach_file(OwnedFileDescriptor descriptor);

  /// Operations live as long as the test, so that one that is told too much is there to say so.
  template <typename Operation>
  [[nodiscard]] Operation& make() {
    auto made = std::make_shared<Operation>();
    operations_.push_back({made, made.get(), made.get()});
    return *made;
  }

  template <typename Operation>
  void start(Operation& operation, ChannelId channel) {
    ++operation.starts;
    operation.is_quiet = false;
    where_[&operation] = {channel, {}};
    backend().start(operation, channel);
  }
  void start(Poller& operation, FileDescriptor descriptor, Readiness readiness);
  void watch_hangup(Receiver& operation, ChannelId channel);
  template <typename Operation>
  void cancel(Operation& operation) {
    const Where& where = where_.at(&operation);
    if constexpr (std::same_as<Operation, Poller>) {
      backend().cancel(operation, where.descriptor);
    } else {
      backend().cancel(operation, where.channel);
    }
    operation.is_quiet = true;
  }
  template <typename Receiving>
  void hold(Receiving& operation) {
    backend().hold(operation);
    operation.is_quiet = true;
  }
  template <typename Receiving>
  void resume(Receiving& operation) {
    operation.is_quiet = false;
    backend().resume(operation, where_.at(&operation).channel);
  }
  void drain(Receiver& operation) { backend().drain(operation, where_.at(&operation).channel); }

  /// As `Backend::send`; where it returned kUnderWay, `completed` tells.
  std::ptrdiff_t send(Sender& operation, ChannelId channel, BytesView piece);
  std::ptrdiff_t send(Sender& operation, ChannelId channel, std::span<iovec> pieces);
  /// The same until it is known how much was sent.
  std::ptrdiff_t send_now(Sender& operation, ChannelId channel, BytesView piece);
  /// Sends until the kernel takes no more; returns how much that was.
  std::size_t fill(ChannelId channel);

  /// One iteration, as the loop makes it.
  void turn(std::chrono::milliseconds longest_wait = std::chrono::milliseconds(0));
  void turns(int count);
  /// Iterations until `condition` holds; fails after some seconds.
  void run_until(const std::function<bool()>& condition);
  /// Iterations until there is nothing more to be done.
  void run_until_quiet();
  /// How many of the iterations of some time find nothing to wait for. A few are, a spinning backend makes
  /// thousands.
  [[nodiscard]] int iterations_of_a_while();
  void expect_no_spin() { EXPECT_LT(iterations_of_a_while(), 60) << "the backend does not sleep"; }

  /// Closes the channel; nothing may be in flight on it.
  void close(ChannelId channel);
  /// Closes every channel; nothing may be in flight.
  void end_backend();

 private:
  void wind_up();

  struct Kept {
    std::shared_ptr<void> owner;
    Operation* operation;
    Record* record;
  };
  struct Where {
    ChannelId channel;
    FileDescriptor descriptor;
  };

  support::TestNetwork network_;
  std::map<int, std::string> descriptors_before_;
  std::vector<Kept> operations_;
  std::map<const Operation*, Where> where_;
  std::vector<ChannelId> channels_;
  std::unique_ptr<Backend> backend_;
};

}  // namespace tidegate::kernel::testing
