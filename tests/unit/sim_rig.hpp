// A world of the simulated kernel, and short ways to call it: for the tests of its rooms.
#pragma once

#include "kernel/sim/world.hpp"
#include "net/socket_address.hpp"

#include <cerrno>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

namespace tidegate::kernel::sim {

inline Endpoint ip(std::string_view host, int port) {
  return Endpoint::from_numeric_host(host, Port(port)).value();
}

/// Tests of what is said about a world: in calm weather, until they change it.
class SimTest : public ::testing::Test {
 public:
  std::uint64_t hash() { return world.trace().hash(); }

 protected:
  explicit SimTest(std::uint64_t seed = 1) : world(seed, NetworkConditions::calm()) {}
  ~SimTest() override {
    // Whatever a test leaves open goes with the world.
    EXPECT_EQ(world.open_descriptors(), base::count_of_simulated_numbers());
  }

  template <typename Change>
  void change_conditions(const Change& change) {
    tidegate::NetworkConditions conditions = world.conditions();
    change(conditions);
    world.set_conditions(conditions);
  }

  /// Everything that is under way happens.
  void settle() {
    while (const auto next = world.next_event()) world.advance(*next);
  }
  void pass(Duration time) {
    const TimePoint end = world.now() + time;
    while (world.now() < end) world.advance(end);
  }

  std::ptrdiff_t send(int number, std::string_view data, int flags = 0) {
    std::string copy(data);
    iovec piece{copy.data(), copy.size()};
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    return world.sendmsg(number, &message, flags);
  }
  /// What was received, or the name of an errno; "" is an end.
  std::string receive(int number, std::size_t most = 100000, int flags = 0) {
    std::string data(most, '?');
    iovec piece{data.data(), data.size()};
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    const std::ptrdiff_t result = world.recvmsg(number, &message, flags);
    if (result < 0) return strerrorname_np(static_cast<int>(-result));
    data.resize(static_cast<std::size_t>(result));
    return data;
  }
  int bind(int number, const Endpoint& endpoint) {
    const net::SocketAddress address = net::to_sockaddr(endpoint);
    return world.bind(number, address.get(), address.length);
  }
  int connect(int number, const Endpoint& endpoint) {
    const net::SocketAddress address = net::to_sockaddr(endpoint);
    return world.connect(number, address.get(), address.length);
  }
  Endpoint local(int number) {
    net::SocketAddress address;
    address.length = net::SocketAddress::capacity();
    EXPECT_EQ(world.getsockname(number, address.get(), &address.length), 0);
    return net::from_sockaddr(address);
  }
  Endpoint peer(int number) {
    net::SocketAddress address;
    address.length = net::SocketAddress::capacity();
    EXPECT_EQ(world.getpeername(number, address.get(), &address.length), 0);
    return net::from_sockaddr(address);
  }
  int peer_error(int number) {
    net::SocketAddress address;
    address.length = net::SocketAddress::capacity();
    return world.getpeername(number, address.get(), &address.length);
  }
  int option(int number, int level, int name) {
    int value = -1;
    socklen_t length = sizeof(value);
    const int error = world.getsockopt(number, level, name, &value, &length);
    return error != 0 ? error : value;
  }
  int set_option(int number, int level, int name, int value) {
    return world.setsockopt(number, level, name, &value, sizeof(value));
  }
  int pending_error(int number) { return option(number, SOL_SOCKET, SO_ERROR); }
  int reset_on_close(int number) {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    return world.setsockopt(number, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  }
  int accept(int listener) { return world.accept(listener, nullptr, nullptr); }

  int listener(const Endpoint& endpoint, int backlog = 16) {
    const int number = world.socket(net::to_native(endpoint.family()), SOCK_STREAM);
    EXPECT_EQ(bind(number, endpoint), 0);
    EXPECT_EQ(world.listen(number, backlog), 0);
    return number;
  }
  /// {the one that connected, the one that was accepted}, by TCP.
  std::pair<int, int> connected() {
    const int at = listener(ip("127.0.0.1", 0));
    const int client = world.socket(AF_INET, SOCK_STREAM);
    EXPECT_EQ(connect(client, local(at)), -EINPROGRESS);
    settle();
    const int server = accept(at);
    EXPECT_GT(server, 0);
    world.close(at);
    return {client, server};
  }
  std::pair<int, int> unix_pair(int type = SOCK_STREAM) {
    int numbers[2] = {-1, -1};
    EXPECT_EQ(world.socket_pair(type, numbers), 0);
    return {numbers[0], numbers[1]};
  }

  World world;
};

}  // namespace tidegate::kernel::sim
