// The sender of the last datagram in its two forms: they always belong together.
#include "transport/last_sender.hpp"

#include <string>

#include <gtest/gtest.h>

namespace tidegate::transport {
namespace {

Endpoint somebody(Port port) { return Endpoint::ipv4({127, 0, 0, 1}, port); }

BytesView bytes_of(const net::SocketAddress& address) { return {&address.storage, address.length}; }

TEST(LastSender, each_sender_is_told_as_the_kernel_told_it) {
  LastSender last;
  for (const Port port : {1, 1, 2, 1}) {
    const net::SocketAddress sender = net::to_sockaddr(somebody(port));
    const Endpoint& endpoint = last.update(sender, AddressFamily::ipv4);
    EXPECT_EQ(endpoint, somebody(port));
    EXPECT_EQ(last.address_of(endpoint), bytes_of(sender));
  }
}

TEST(LastSender, only_the_very_endpoint_that_was_told_has_its_address) {
  LastSender last;
  const Endpoint nobody;
  EXPECT_TRUE(last.address_of(nobody).empty());
  const Endpoint& told = last.update(net::to_sockaddr(somebody(1)), AddressFamily::ipv4);
  const Endpoint copy = told;
  EXPECT_TRUE(last.address_of(copy).empty());
  EXPECT_FALSE(last.address_of(told).empty());
}

TEST(LastSender, a_unix_socket_without_a_name_has_no_address) {
  LastSender last;
  const net::SocketAddress none;
  EXPECT_EQ(last.update(none, AddressFamily::unix_domain), Endpoint::unix_unnamed());
  const net::SocketAddress named = net::to_sockaddr(Endpoint::unix_abstract("x"));
  EXPECT_EQ(last.update(named, AddressFamily::unix_domain), Endpoint::unix_abstract("x"));
  const Endpoint& unnamed = last.update(none, AddressFamily::unix_domain);
  EXPECT_EQ(unnamed, Endpoint::unix_unnamed());
  EXPECT_TRUE(last.address_of(unnamed).empty());
}

TEST(LastSender, a_longer_name_is_another_sender) {
  LastSender last;
  for (const char* name : {"ab", "a", "abc", "ab"}) {
    const Endpoint sender = Endpoint::unix_abstract(name);
    EXPECT_EQ(last.update(net::to_sockaddr(sender), AddressFamily::unix_domain), sender);
  }
}

}  // namespace
}  // namespace tidegate::transport
