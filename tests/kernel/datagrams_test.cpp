// Datagrams: each comes whole, once, in order, and only while it is wanted; each goes as it is, or says why
// not.
#include "kernel/seam_test.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>

namespace tidegate::kernel::testing {
namespace {

class SeamDatagrams : public SeamTest {
 protected:
  static void send_raw(const OwnedFileDescriptor& socket, std::string_view bytes) {
    ASSERT_EQ(::send(socket.get().number, bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  /// What there is to receive at this moment, datagram by datagram.
  static std::vector<std::string> receive_raw(const OwnedFileDescriptor& socket) {
    std::vector<std::string> datagrams;
    std::string memory(70'000, '\0');
    for (;;) {
      const ssize_t size = ::recv(socket.get().number, memory.data(), memory.size(), MSG_DONTWAIT);
      if (size < 0) return datagrams;
      datagrams.push_back(memory.substr(0, static_cast<std::size_t>(size)));
    }
  }
  static std::vector<std::string> numbered(std::size_t count) {
    std::vector<std::string> datagrams;
    for (std::size_t index = 0; index < count; ++index)
      datagrams.push_back(pattern(index % 50, index) + std::to_string(index));
    return datagrams;
  }
  static std::vector<OutgoingDatagram> outgoing(const std::vector<std::string>& datagrams) {
    std::vector<OutgoingDatagram> out;
    for (const std::string& datagram : datagrams)
      out.push_back({.bytes = BytesView(datagram), .address = {}});
    return out;
  }
  std::ptrdiff_t try_send(DatagramSender& sender, ChannelId channel,
                          const std::vector<std::string>& datagrams) {
    const auto out = outgoing(datagrams);
    return backend().try_send(sender, channel, out);
  }
  static void join_receives(FileDescriptor descriptor) {
    const int yes = 1;
    EXPECT_EQ(::setsockopt(descriptor.number, SOL_UDP, UDP_GRO, &yes, sizeof yes), 0);
  }
};

// --- receiving -----------------------------------------------------------------------------------

TEST_P(SeamDatagrams, more_than_a_batch_arrives_whole_and_in_order) {
  SocketPair pair = udp_pair();
  const ChannelId channel = attach(std::move(pair.ours));
  auto& receiver = make<DatagramReceiver>();
  start(receiver, channel);
  const std::vector<std::string> sent = numbered(150);
  for (const std::string& datagram : sent) send_raw(pair.theirs, datagram);
  run_until([&] { return receiver.datagrams.size() == sent.size(); });
  EXPECT_EQ(receiver.datagrams, sent);
  expect_no_spin();
}

TEST_P(SeamDatagrams, empty_ones_and_the_largest_ones_are_datagrams_like_others) {
  SocketPair pair = udp_pair();
  const ChannelId channel = attach(std::move(pair.ours));
  auto& receiver = make<DatagramReceiver>();
  start(receiver, channel);
  const std::vector<std::string> sent = {"", pattern(65'507), "", "x", pattern(65'507, 77), ""};
  for (const std::string& datagram : sent) {
    send_raw(pair.theirs, datagram);
    turn();
  }
  run_until([&] { return receiver.datagrams.size() == sent.size(); });
  EXPECT_TRUE(receiver.datagrams == sent);
}

TEST_P(SeamDatagrams, unix_ones_may_be_larger_than_any_of_the_internet) {
  SocketPair pair = unix_datagram_pair();
  const ChannelId channel = attach(std::move(pair.ours));
  auto& receiver = make<DatagramReceiver>();
  receiver.of = AddressFamily::unix_domain;
  start(receiver, channel);
  const std::string large = pattern(150'000);
  send_raw(pair.theirs, large);
  send_raw(pair.theirs, "");
  run_until([&] { return receiver.datagrams.size() == 2; });
  EXPECT_TRUE(receiver.datagrams[0] == large);
  EXPECT_EQ(receiver.datagrams[1], "");
}

TEST_P(SeamDatagrams, families_take_turns_on_the_same_memory) {
  SocketPair udp = udp_pair();
  SocketPair local = unix_datagram_pair();
  auto& from_udp = make<DatagramReceiver>();
  auto& from_unix = make<DatagramReceiver>();
  from_unix.of = AddressFamily::unix_domain;
  start(from_udp, attach(std::move(udp.ours)));
  start(from_unix, attach(std::move(local.ours)));
  const std::vector<std::string> sent = numbered(20);
  for (const std::string& datagram : sent) {
    send_raw(udp.theirs, datagram);
    send_raw(local.theirs, datagram);
    turn();
  }
  run_until(
      [&] { return from_udp.datagrams.size() == sent.size() && from_unix.datagrams.size() == sent.size(); });
  EXPECT_EQ(from_udp.datagrams, sent);
  EXPECT_EQ(from_unix.datagrams, sent);
}

TEST_P(SeamDatagrams, what_was_there_before_the_start_is_delivered) {
  SocketPair pair = udp_pair();
  const ChannelId channel = attach(std::move(pair.ours));
  send_raw(pair.theirs, "early");
  auto& receiver = make<DatagramReceiver>();
  start(receiver, channel);
  EXPECT_TRUE(receiver.datagrams.empty()) << "delivered from inside of start";
  run_until([&] { return receiver.datagrams.size() == 1; });
}

TEST_P(SeamDatagrams, after_cancel_from_inside_the_rest_of_the_batch_is_the_next_ones) {
  SocketPair pair = udp_pair();
  const ChannelId channel = attach(std::move(pair.ours));
  auto& first = make<DatagramReceiver>();
  first.on_datagram = [&] {
    if (first.datagrams.size() == 3) cancel(first);
  };
  const std::vector<std::string> sent = numbered(10);
  for (const std::string& datagram : sent) send_raw(pair.theirs, datagram);
  start(first, channel);
  run_until([&] { return first.ended(); });
  run_until_quiet();
  EXPECT_EQ(first.last_end(), -ECANCELED);
  EXPECT_EQ(first.datagrams.size(), 3U);
  auto& second = make<DatagramReceiver>();
  start(second, channel);
  run_until([&] { return second.datagrams.size() == 7; });
  send_raw(pair.theirs, "and one more");
  run_until([&] { return second.datagrams.size() == 8; });
  std::vector<std::string> all = first.datagrams;
  all.insert(all.end(), second.datagrams.begin(), second.datagrams.end());
  std::vector<std::string> expected = sent;
  expected.emplace_back("and one more");
  EXPECT_EQ(all, expected);
}

TEST_P(SeamDatagrams, held_from_inside_again_and_again_nothing_is_lost_or_moved) {
  SocketPair pair = udp_pair();
  const ChannelId channel = attach(std::move(pair.ours));
  auto& receiver = make<DatagramReceiver>();
  receiver.on_datagram = [&] { hold(receiver); };
  start(receiver, channel);
  const std::vector<std::string> sent = numbered(45);
  for (const std::string& datagram : sent) send_raw(pair.theirs, datagram);
  run_until([&] { return receiver.is_quiet; });
  expect_no_spin();
  run_until([&] {
    if (receiver.is_quiet) resume(receiver);
    return receiver.datagrams.size() == sent.size();
  });
  EXPECT_EQ(receiver.datagrams, sent);
}

TEST_P(SeamDatagrams, what_nobody_came_for_goes_with_the_channel) {
  SocketPair pair = udp_pair();
  const ChannelId channel = attach(std::move(pair.ours));
  auto& receiver = make<DatagramReceiver>();
  receiver.on_datagram = [&] { cancel(receiver); };
  for (const std::string& datagram : numbered(5)) send_raw(pair.theirs, datagram);
  start(receiver, channel);
  run_until([&] { return receiver.ended(); });
  close(channel);
  // The next to have the number.
  SocketPair other = udp_pair();
  const ChannelId next = attach(std::move(other.ours));
  auto& stranger = make<DatagramReceiver>();
  start(stranger, next);
  send_raw(other.theirs, "mine");
  run_until([&] { return !stranger.datagrams.empty(); });
  EXPECT_EQ(stranger.datagrams, std::vector<std::string>{"mine"});
}

TEST_P(SeamDatagrams, an_error_completes_and_the_next_start_receives_on) {
  UdpSocket socket = udp_socket();
  net::SocketAddress nobody;
  {
    const UdpSocket gone = udp_socket();
    nobody = gone.address;
  }
  ASSERT_EQ(::connect(socket.descriptor.get().number, nobody.get(), nobody.length), 0);
  const ChannelId channel = attach(std::move(socket.descriptor));
  auto& receiver = make<DatagramReceiver>();
  start(receiver, channel);
  turn();
  auto& sender = make<DatagramSender>();
  EXPECT_EQ(try_send(sender, channel, {"anybody?"}), 1);
  run_until([&] { return receiver.ended(); });
  EXPECT_EQ(receiver.last_end(), -ECONNREFUSED);
  start(receiver, channel);
  expect_no_spin();
  EXPECT_FALSE(receiver.ended());
}

TEST_P(SeamDatagrams, a_train_that_is_received_as_one_is_delivered_as_datagrams) {
  if (is_simulated()) GTEST_SKIP() << "about a thing of the system";
  SocketPair pair = udp_pair();
  join_receives(pair.ours.get());
  const ChannelId channel = attach(std::move(pair.ours));
  auto& receiver = make<DatagramReceiver>();
  start(receiver, channel);
  auto& sender = make<DatagramSender>();
  sender.allow_trains();
  const ChannelId other = attach(std::move(pair.theirs));
  std::vector<std::string> sent;
  for (std::size_t index = 0; index < 20; ++index) sent.push_back(pattern(1'000, index));
  sent.push_back(pattern(300));
  EXPECT_EQ(try_send(sender, other, sent), 21);
  run_until([&] { return receiver.datagrams.size() == sent.size(); });
  EXPECT_TRUE(receiver.datagrams == sent);
}

TEST_P(SeamDatagrams, held_in_the_middle_of_a_train_the_rest_waits) {
  if (is_simulated()) GTEST_SKIP() << "about a thing of the system";
  SocketPair pair = udp_pair();
  join_receives(pair.ours.get());
  const ChannelId channel = attach(std::move(pair.ours));
  auto& receiver = make<DatagramReceiver>();
  receiver.on_datagram = [&] {
    if (receiver.datagrams.size() % 4 == 0) hold(receiver);
  };
  start(receiver, channel);
  auto& sender = make<DatagramSender>();
  sender.allow_trains();
  const ChannelId other = attach(std::move(pair.theirs));
  std::vector<std::string> sent;
  for (std::size_t index = 0; index < 18; ++index) sent.push_back(pattern(100, index));
  EXPECT_EQ(try_send(sender, other, sent), 18);
  run_until([&] {
    if (receiver.is_quiet) resume(receiver);
    return receiver.datagrams.size() == sent.size();
  });
  EXPECT_TRUE(receiver.datagrams == sent);
}

// --- sending -------------------------------------------------------------------------------------

TEST_P(SeamDatagrams, a_mixture_of_sizes_leaves_as_it_is) {
  for (const bool trains : {false, true}) {
    SCOPED_TRACE(trains);
    SocketPair pair = udp_pair();
    const ChannelId channel = attach(std::move(pair.ours));
    auto& sender = make<DatagramSender>();
    if (trains) sender.allow_trains();
    const std::vector<std::string> sent = {"aaaa",
                                           "bbbb",
                                           "cc",
                                           "dd",
                                           "",
                                           "",
                                           "eeeee",
                                           "f",
                                           "g",
                                           "h",
                                           "",
                                           "iii",
                                           "iii",
                                           "jjjj",
                                           pattern(30'000),
                                           pattern(30'000),
                                           pattern(30'000),
                                           "k"};
    EXPECT_EQ(try_send(sender, channel, sent), static_cast<std::ptrdiff_t>(sent.size()));
    EXPECT_TRUE(receive_raw(pair.theirs) == sent);
  }
}

TEST_P(SeamDatagrams, the_first_that_is_refused_is_named_by_what_went_before_it) {
  SocketPair pair = udp_pair();
  const ChannelId channel = attach(std::move(pair.ours));
  auto& sender = make<DatagramSender>();
  sender.allow_trains();
  const std::string too_large(65'508, 'x');
  EXPECT_EQ(try_send(sender, channel, {"a", "b", too_large, "c"}), 2);
  EXPECT_EQ(try_send(sender, channel, {too_large, "c"}), -EMSGSIZE);
  EXPECT_EQ(try_send(sender, channel, {too_large}), -EMSGSIZE);
  EXPECT_EQ(try_send(sender, channel, {"c"}), 1);
  EXPECT_EQ(receive_raw(pair.theirs), (std::vector<std::string>{"a", "b", "c"}));
}

TEST_P(SeamDatagrams, one_that_waits_for_room_is_sent_when_there_is_some) {
  SocketPair pair = unix_datagram_pair();
  const ChannelId channel = attach(std::move(pair.ours));
  auto& sender = make<DatagramSender>();
  std::vector<std::string> expected;
  while (try_send(sender, channel, {std::to_string(expected.size())}) == 1)
    expected.push_back(std::to_string(expected.size()));
  ASSERT_FALSE(expected.empty());
  sender.datagrams = {"late", "", "later"};
  start(sender, channel);
  expect_no_spin();
  EXPECT_FALSE(sender.ended());
  std::vector<std::string> received = receive_raw(pair.theirs);
  EXPECT_EQ(received, expected);
  run_until([&] { return sender.ended(); });
  ASSERT_GT(sender.last_end(), 0);
  const auto count = static_cast<std::ptrdiff_t>(sender.last_end());
  const std::vector<std::string> sent(sender.datagrams.begin(), sender.datagrams.begin() + count);
  EXPECT_EQ(receive_raw(pair.theirs), sent);
}

TEST_P(SeamDatagrams, waiting_for_room_can_be_given_up) {
  SocketPair pair = unix_datagram_pair();
  const ChannelId channel = attach(std::move(pair.ours));
  auto& sender = make<DatagramSender>();
  while (try_send(sender, channel, {"fill"}) == 1) continue;
  sender.datagrams = {"never"};
  start(sender, channel);
  turns(2);
  cancel(sender);
  run_until([&] { return sender.ended(); });
  EXPECT_EQ(sender.last_end(), -ECANCELED);
  const std::vector<std::string> received = receive_raw(pair.theirs);
  turns(3);
  EXPECT_TRUE(receive_raw(pair.theirs).empty());
  EXPECT_EQ(std::count(received.begin(), received.end(), "never"), 0);
}

INSTANTIATE_TEST_SUITE_P(Seam, SeamDatagrams, ::testing::ValuesIn(grounds()), name_of);

}  // namespace
}  // namespace tidegate::kernel::testing
