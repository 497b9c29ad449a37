// What a refusal of a train of datagrams teaches, and what it does not.
#include "kernel/datagram_calls.hpp"

#include <tidegate/socket.hpp>

#include "net/socket_address.hpp"

#include <cerrno>
#include <cstdint>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

namespace tidegate::kernel {
namespace {

constexpr std::uint16_t kAnySize = std::numeric_limits<std::uint16_t>::max();

/// Sends `count` equal ones of a byte to a port of this machine.
std::ptrdiff_t send_to(Port port, std::size_t count, std::uint16_t& train_limit_bytes) {
  const Socket socket = Socket::datagram(AddressFamily::ipv4);
  const net::SocketAddress address = net::to_sockaddr(Endpoint::ipv4({127, 0, 0, 1}, port));
  const std::vector<OutgoingDatagram> datagrams(
      count, {.bytes = BytesView("x"), .address = BytesView(&address.storage, address.length)});
  return send_datagrams_now(socket.descriptor(), datagrams, train_limit_bytes);
}

TEST(DatagramCalls, a_bad_address_teaches_nothing_of_trains) {
  std::uint16_t train_limit_bytes = kAnySize;
  EXPECT_EQ(send_to(0, 2, train_limit_bytes), -EINVAL);
  EXPECT_EQ(train_limit_bytes, kAnySize) << "whoever sends from port 0 would cost everybody their trains";
}

TEST(DatagramCalls, a_train_arrives_whole_and_leaves_the_limit_alone) {
  Socket receiver = Socket::datagram(AddressFamily::ipv4);
  receiver.bind(Endpoint::ipv4({127, 0, 0, 1}, 0));
  std::uint16_t train_limit_bytes = kAnySize;
  EXPECT_EQ(send_to(receiver.view().local_endpoint().port(), 40, train_limit_bytes), 40);
  EXPECT_EQ(train_limit_bytes, kAnySize);
}

}  // namespace
}  // namespace tidegate::kernel
