// UDP and Unix datagrams in a world: what Linux says, and what the weather does to them.
#include "unit/sim_rig.hpp"

#include <array>
#include <chrono>
#include <cstring>
#include <map>

#include <netinet/in.h>
#include <netinet/udp.h>

namespace tidegate::kernel::sim {
namespace {

using namespace std::chrono_literals;

class SimDatagramTest : public SimTest {
 protected:
  std::ptrdiff_t send_to(int number, std::string_view data, const Endpoint& endpoint) {
    net::SocketAddress address = net::to_sockaddr(endpoint);
    std::string copy(data);
    iovec piece{copy.data(), copy.size()};
    msghdr message{};
    message.msg_name = address.get();
    message.msg_namelen = address.length;
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    return world.sendmsg(number, &message, 0);
  }
  struct Received {
    std::string data;
    Endpoint sender;
    bool is_cut = false;
  };
  Received receive_from(int number, std::size_t most = 70000) {
    Received received;
    received.data.resize(most);
    net::SocketAddress address;
    iovec piece{received.data.data(), most};
    msghdr message{};
    message.msg_name = address.get();
    message.msg_namelen = net::SocketAddress::capacity();
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    const std::ptrdiff_t count = world.recvmsg(number, &message, 0);
    if (count < 0) return {strerrorname_np(static_cast<int>(-count)), {}, false};
    received.data.resize(static_cast<std::size_t>(count));
    address.length = message.msg_namelen;
    received.sender = net::from_sockaddr(address);
    received.is_cut = (message.msg_flags & MSG_TRUNC) != 0;
    return received;
  }
  int bound(const Endpoint& endpoint) {
    const int number = world.socket(net::to_native(endpoint.family()), SOCK_DGRAM);
    EXPECT_EQ(bind(number, endpoint), 0);
    return number;
  }
  int connected_to(const Endpoint& endpoint) {
    const int number = world.socket(net::to_native(endpoint.family()), SOCK_DGRAM);
    EXPECT_EQ(connect(number, endpoint), 0);
    return number;
  }
};

// --- UDP ---------------------------------------------------------------------------------------------------

TEST_F(SimDatagramTest, datagrams_arrive_whole_with_their_senders_and_empty_ones_too) {
  const int here = bound(ip("127.0.0.1", 0));
  const int there = bound(ip("127.0.0.1", 0));
  EXPECT_EQ(send_to(here, "one", local(there)), 3);
  EXPECT_EQ(send_to(here, "", local(there)), 0);
  EXPECT_EQ(receive_from(there).data, "EAGAIN");
  settle();
  EXPECT_EQ(world.poll(there), POLLIN | POLLOUT);
  const Received first = receive_from(there);
  EXPECT_EQ(first.data, "one");
  EXPECT_EQ(first.sender, local(here));
  EXPECT_EQ(receive_from(there).data, "");
  EXPECT_EQ(receive_from(there).data, "EAGAIN");
}

TEST_F(SimDatagramTest, a_datagram_that_finds_no_room_is_cut_and_says_so) {
  const int here = bound(ip("127.0.0.1", 0));
  const int there = bound(ip("127.0.0.1", 0));
  send_to(here, "hello", local(there));
  send_to(here, "world", local(there));
  settle();
  EXPECT_EQ(receive(there, 100, MSG_PEEK), "hello");
  const Received cut = receive_from(there, 2);
  EXPECT_EQ(cut.data, "he");
  EXPECT_TRUE(cut.is_cut);
  EXPECT_FALSE(receive_from(there).is_cut);
}

TEST_F(SimDatagramTest, a_connected_socket_is_told_once_that_nobody_is_there) {
  const int here = connected_to(ip("127.0.0.1", 9));
  EXPECT_EQ(send(here, "x"), 1);
  EXPECT_EQ(world.poll(here), POLLOUT);
  settle();
  EXPECT_EQ(world.poll(here), POLLOUT | POLLERR);
  EXPECT_EQ(send(here, "x"), -ECONNREFUSED);
  settle();
  EXPECT_EQ(world.poll(here), POLLOUT);
  EXPECT_EQ(receive(here), "EAGAIN");
}

TEST_F(SimDatagramTest, a_socket_that_is_not_connected_is_not_told_that_nobody_is_there) {
  const int here = bound(ip("127.0.0.1", 0));
  EXPECT_EQ(send_to(here, "x", ip("127.0.0.1", 9)), 1);
  settle();
  EXPECT_EQ(world.poll(here), POLLOUT);
}

TEST_F(SimDatagramTest, a_connected_socket_hears_of_its_peer_only) {
  const int peer_socket = bound(ip("127.0.0.1", 0));
  const int stranger = bound(ip("127.0.0.1", 0));
  const int here = connected_to(local(peer_socket));
  EXPECT_EQ(peer(here), local(peer_socket));
  EXPECT_EQ(local(here).host(), "127.0.0.1");
  send_to(stranger, "noise", local(here));
  send_to(peer_socket, "signal", local(here));
  settle();
  EXPECT_EQ(receive(here), "signal");
  EXPECT_EQ(receive(here), "EAGAIN");
  sockaddr nobody{};
  nobody.sa_family = AF_UNSPEC;
  EXPECT_EQ(world.connect(here, &nobody, sizeof(nobody)), 0);
  EXPECT_EQ(local(here).host(), "0.0.0.0");
  send_to(stranger, "noise", ip("127.0.0.1", local(here).port().number()));
  settle();
  EXPECT_EQ(receive(here), "noise");
}

TEST_F(SimDatagramTest, sending_says_what_linux_says_of_impossible_datagrams) {
  const int here = world.socket(AF_INET, SOCK_DGRAM);
  EXPECT_EQ(send(here, "x"), -EDESTADDRREQ);
  EXPECT_EQ(send_to(here, "x", ip("127.0.0.1", 0)), -EINVAL);
  EXPECT_EQ(send_to(here, std::string(65508, 'x'), ip("127.0.0.1", 9)), -EMSGSIZE);
  EXPECT_EQ(send_to(here, std::string(65507, 'x'), ip("127.0.0.1", 9)), 65507);
  EXPECT_EQ(send_to(here, "x", ip("255.255.255.255", 9)), -EACCES);
  EXPECT_EQ(send_to(here, "x", ip("::1", 9)), -EAFNOSUPPORT);
  EXPECT_EQ(world.shutdown(here, SHUT_WR), -ENOTCONN);
  EXPECT_EQ(world.listen(here, 1), -EOPNOTSUPP);
  EXPECT_EQ(set_option(here, SOL_UDP, UDP_GRO, 1), -ENOPROTOOPT);
}

TEST_F(SimDatagramTest, a_train_of_datagrams_is_refused_as_by_an_interface_that_cannot) {
  const int here = connected_to(ip("127.0.0.1", 9));
  std::string data = "abcdef";
  iovec piece{data.data(), data.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(std::uint16_t))> control{};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* segments = CMSG_FIRSTHDR(&message);
  segments->cmsg_level = SOL_UDP;
  segments->cmsg_type = UDP_SEGMENT;
  segments->cmsg_len = CMSG_LEN(sizeof(std::uint16_t));
  EXPECT_EQ(world.sendmsg(here, &message, 0), -EIO);
}

TEST_F(SimDatagramTest, a_full_receive_buffer_loses_datagrams_in_silence) {
  const int here = bound(ip("127.0.0.1", 0));
  const int there = bound(ip("127.0.0.1", 0));
  set_option(there, SOL_SOCKET, SO_RCVBUF, 5000);
  for (int count = 0; count < 100; ++count) {
    EXPECT_EQ(send_to(here, std::string(488, 'x'), local(there)), 488);
    settle();
  }
  int received = 0;
  while (receive_from(there).data != "EAGAIN") ++received;
  EXPECT_EQ(received, 10);
}

TEST_F(SimDatagramTest, a_full_send_buffer_says_so_until_datagrams_have_arrived) {
  const int here = connected_to(ip("127.0.0.1", 9));
  set_option(here, SOL_SOCKET, SO_SNDBUF, 1);
  int sent = 0;
  while (send(here, std::string(1000, 'x')) > 0) ++sent;
  EXPECT_EQ(sent, 4);
  EXPECT_EQ(send(here, "x"), -EAGAIN);
  EXPECT_EQ(world.poll(here), 0);
  world.cut("127.0.0.1");
  settle();
  EXPECT_EQ(world.poll(here), POLLOUT);
}

TEST_F(SimDatagramTest, the_weather_loses_duplicates_and_reorders_datagrams) {
  const int here = bound(ip("127.0.0.1", 0));
  const int there = bound(ip("127.0.0.1", 0));
  change_conditions([](auto& conditions) {
    conditions.datagram_loss = 0.2;
    conditions.datagram_duplication = 0.2;
    conditions.datagram_reordering = 0.2;
  });
  std::map<int, int> times;
  int highest = -1;
  int overtaken = 0;
  for (int number = 0; number < 1000; ++number) {
    send_to(here, std::to_string(number), local(there));
    pass(1ms);
    for (std::string got = receive(there); got != "EAGAIN"; got = receive(there)) {
      const int got_number = std::stoi(got);
      ++times[got_number];
      if (got_number < highest) ++overtaken;
      highest = std::max(highest, got_number);
    }
  }
  int twice = 0;
  for (const auto& [number, count] : times) {
    EXPECT_LE(count, 2);
    if (count == 2) ++twice;
  }
  EXPECT_GT(times.size(), 750);
  EXPECT_LT(times.size(), 900);
  EXPECT_GT(twice, 50);
  EXPECT_GT(overtaken, 50);
}

TEST_F(SimDatagramTest, datagrams_of_one_sender_are_in_order_where_the_weather_does_not_reorder) {
  const int here = bound(ip("127.0.0.1", 0));
  const int there = bound(ip("127.0.0.1", 0));
  for (int number = 0; number < 100; ++number) send_to(here, std::to_string(number), local(there));
  settle();
  for (int number = 0; number < 100; ++number) EXPECT_EQ(receive(there), std::to_string(number));
}

TEST_F(SimDatagramTest, the_system_may_be_short_of_buffers) {
  const int here = connected_to(ip("127.0.0.1", 9));
  change_conditions([](auto& conditions) { conditions.datagram_shortage = 1; });
  EXPECT_EQ(send(here, "x"), -ENOBUFS);
}

TEST_F(SimDatagramTest, a_socket_of_ipv6_hears_ipv4_unless_it_is_told_not_to) {
  const int both = bound(ip("::", 0));
  const int port = local(both).port().number();
  const int here = bound(ip("127.0.0.1", 0));
  send_to(here, "mapped", ip("127.0.0.1", port));
  settle();
  const Received got = receive_from(both);
  EXPECT_EQ(got.data, "mapped");
  EXPECT_EQ(got.sender.host(), "::ffff:127.0.0.1");
  EXPECT_EQ(send_to(both, "back", got.sender), 4);
  settle();
  EXPECT_EQ(receive_from(here).sender, ip("127.0.0.1", port));
  const int only = world.socket(AF_INET6, SOCK_DGRAM);
  set_option(only, IPPROTO_IPV6, IPV6_V6ONLY, 1);
  EXPECT_EQ(bind(only, ip("::", port + 1)), 0);
  send_to(here, "lost", ip("127.0.0.1", port + 1));
  settle();
  EXPECT_EQ(receive(only), "EAGAIN");
}

TEST_F(SimDatagramTest, what_is_under_way_when_the_world_ends_goes_with_it) {
  const int here = connected_to(ip("127.0.0.1", 9));
  EXPECT_EQ(send(here, "x"), 1);
  world.close(here);
}

// --- Unix --------------------------------------------------------------------------------------------------

TEST_F(SimDatagramTest, a_unix_pair_passes_datagrams_and_tells_once_that_the_other_is_gone) {
  const auto [here, there] = unix_pair(SOCK_DGRAM);
  EXPECT_EQ(send(here, "one"), 3);
  EXPECT_EQ(send(here, ""), 0);
  settle();
  const Received got = receive_from(there);
  EXPECT_EQ(got.data, "one");
  EXPECT_TRUE(got.sender.empty());
  EXPECT_EQ(receive(there), "");
  EXPECT_EQ(receive(there), "EAGAIN");
  world.close(there);
  EXPECT_EQ(world.poll(here), POLLOUT);
  EXPECT_EQ(send(here, "x"), -ECONNREFUSED);
  EXPECT_EQ(send(here, "x"), -ENOTCONN);
  EXPECT_EQ(receive(here), "EAGAIN");
}

TEST_F(SimDatagramTest, a_unix_sender_holds_what_is_not_received) {
  const auto [here, there] = unix_pair(SOCK_DGRAM);
  EXPECT_EQ(send(here, std::string(300000, 'x')), -EMSGSIZE);
  set_option(here, SOL_SOCKET, SO_SNDBUF, 5000);
  int sent = 0;
  while (send(here, std::string(1488, 'x')) > 0) ++sent;
  EXPECT_EQ(sent, 5);
  settle();
  EXPECT_EQ(send(here, "x"), -EAGAIN);
  EXPECT_EQ(world.poll(here), 0);
  while (receive(there) != "EAGAIN") continue;
  EXPECT_EQ(world.poll(here), POLLOUT);
  EXPECT_EQ(send(here, "x"), 1);
}

TEST_F(SimDatagramTest, a_unix_receiver_takes_eleven_datagrams_of_those_that_it_is_not_connected_to) {
  const Endpoint name = Endpoint::unix_abstract("receiver");
  const int there = bound(name);
  const int here = world.socket(AF_UNIX, SOCK_DGRAM);
  int sent = 0;
  while (send_to(here, "x", name) > 0) ++sent;
  EXPECT_EQ(sent, 11);
  EXPECT_EQ(send_to(here, "x", name), -EAGAIN);
  EXPECT_EQ(world.poll(here), POLLOUT);  // it does not know whom it is about to send to
  EXPECT_EQ(connect(here, name), 0);
  EXPECT_EQ(world.poll(here), 0);
  settle();
  EXPECT_EQ(receive(there), "x");
  EXPECT_EQ(world.poll(here), POLLOUT);
}

TEST_F(SimDatagramTest, unix_names_that_nobody_has_are_refused_at_once) {
  const int here = bound(Endpoint::unix_path("/here"));
  EXPECT_EQ(send(here, "x"), -ENOTCONN);
  EXPECT_EQ(send_to(here, "x", Endpoint::unix_path("/nobody")), -ENOENT);
  EXPECT_EQ(send_to(here, "x", Endpoint::unix_abstract("nobody")), -ECONNREFUSED);
  listener(Endpoint::unix_path("/stream"));
  EXPECT_EQ(connect(here, Endpoint::unix_path("/stream")), -EPROTOTYPE);
  const int there = bound(Endpoint::unix_path("/there"));
  EXPECT_EQ(send_to(here, "x", Endpoint::unix_path("/there")), 1);
  settle();
  EXPECT_EQ(receive_from(there).sender, Endpoint::unix_path("/here"));
  EXPECT_EQ(connect(there, Endpoint::unix_path("/there")), 0);
  EXPECT_EQ(send_to(here, "x", Endpoint::unix_path("/there")), -EPERM);
}

}  // namespace
}  // namespace tidegate::kernel::sim
