// Datagrams where the ground moves: a number that has another owner, a loop that has another thread, errors
// that wait in the socket, trains that the kernel refuses.
#include "kernel/moving.hpp"

#include <array>
#include <cerrno>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <linux/errqueue.h>
#include <linux/net_tstamp.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace tidegate::kernel::testing {
namespace {

using namespace std::chrono_literals;

class SeamDatagramHazards : public MovingTest {
 protected:
  static void send_raw(const OwnedFileDescriptor& socket, std::string_view bytes) {
    ASSERT_EQ(::send(socket.get().number, bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  static void set(const OwnedFileDescriptor& socket, int level, int option, int value = 1) {
    ASSERT_EQ(::setsockopt(socket.get().number, level, option, &value, sizeof value), 0) << option;
  }
  static std::vector<std::string> equal_ones(std::size_t count, std::size_t size = 100) {
    std::vector<std::string> datagrams;
    for (std::size_t index = 0; index < count; ++index) datagrams.push_back(pattern(size, index));
    return datagrams;
  }
  std::ptrdiff_t try_send(DatagramSender& sender, ChannelId channel,
                          const std::vector<std::string>& datagrams) {
    std::vector<OutgoingDatagram> out;
    for (const std::string& datagram : datagrams)
      out.push_back({.bytes = BytesView(datagram), .address = {}});
    return backend().try_send(sender, channel, out);
  }
};

/// Every case, after the thread has ended and while it is there.
constexpr std::array kBoth{true, false};

// --- a number that has another owner ---------------------------------------------------------------

TEST_P(SeamDatagramHazards, a_number_that_was_closed_behind_our_back_comes_without_what_was_kept) {
  if (is_simulated()) GTEST_SKIP() << "about a thing of the system";
  SocketPair pair = udp_pair();
  const int number = pair.ours.get().number;
  const ChannelId channel = attach(std::move(pair.ours));
  auto& receiver = make<DatagramReceiver>();
  receiver.on_datagram = [&] { cancel(receiver); };
  for (const std::string& datagram : equal_ones(5)) send_raw(pair.theirs, datagram);
  start(receiver, channel);
  run_until([&] { return receiver.ended(); });

  SocketPair other = udp_pair();
  ASSERT_EQ(::dup3(other.ours.get().number, number, O_CLOEXEC), number);
  const ChannelId next = attach(OwnedFileDescriptor(FileDescriptor{number}));
  ASSERT_NE(next, channel);
  auto& stranger = make<DatagramReceiver>();
  start(stranger, next);
  send_raw(other.theirs, "mine");
  run_until([&] { return !stranger.datagrams.empty(); });
  // Also what is kept from now on is its own.
  stranger.on_datagram = [&] { hold(stranger); };
  send_raw(other.theirs, "and this");
  send_raw(other.theirs, "and that");
  run_until([&] {
    if (stranger.is_quiet) resume(stranger);
    return stranger.datagrams.size() >= 3;
  });
  EXPECT_EQ(stranger.datagrams, (std::vector<std::string>{"mine", "and this", "and that"}));
}

TEST_P(SeamDatagramHazards, a_number_that_is_used_again_at_once_comes_without_what_was_kept) {
  if (is_simulated()) GTEST_SKIP() << "about a thing of the system";
  // In the same dispatch in which the rest of a batch is kept, and due for delivery.
  SocketPair pair = udp_pair();
  SocketPair other = udp_pair();
  const int number = pair.ours.get().number;
  ChannelId channel = attach(std::move(pair.ours));
  auto& receiver = make<DatagramReceiver>();
  auto& again = make<DatagramReceiver>();
  auto& stranger = make<DatagramReceiver>();
  receiver.on_datagram = [&] {
    cancel(receiver);
    start(again, channel);
  };
  again.on_datagram = [&] {
    cancel(again);
    backend().tell_done();
    close(channel);
    ASSERT_EQ(::dup3(other.ours.get().number, number, O_CLOEXEC), number);
    channel = attach(OwnedFileDescriptor(FileDescriptor{number}));
    start(stranger, channel);
  };
  for (const std::string& datagram : equal_ones(6)) send_raw(pair.theirs, datagram);
  send_raw(other.theirs, "mine");
  start(receiver, channel);
  run_until([&] { return !stranger.datagrams.empty(); });
  run_until_quiet();
  EXPECT_EQ(stranger.datagrams, std::vector<std::string>{"mine"});
}

// --- a loop that has another thread ----------------------------------------------------------------

TEST_P(SeamDatagramHazards, a_receiver_moves_with_what_was_kept_and_what_had_arrived_thread) {
  for (const bool it_ends : kBoth) {
    SCOPED_TRACE(it_ends);
    SocketPair pair = udp_pair();
    const ChannelId channel = attach(std::move(pair.ours));
    auto& receiver = make<DatagramReceiver>();
    const std::vector<std::string> sent = equal_ones(30);
    elsewhere(it_ends, [&] {
      receiver.on_datagram = [&] {
        if (receiver.datagrams.size() == 3) hold(receiver);
      };
      start(receiver, channel);
      turns(2);
      for (std::size_t index = 0; index < 10; ++index) send_raw(pair.theirs, sent[index]);
      for (int round = 0; round < 100 && !receiver.is_quiet; ++round) turn(20ms);
      // Arrived, and not dispatched.
      for (std::size_t index = 10; index < 20; ++index) send_raw(pair.theirs, sent[index]);
      backend().wait(1ms, Duration::zero());
    });
    EXPECT_EQ(receiver.datagrams.size(), 3U);
    receiver.on_datagram = nullptr;
    for (std::size_t index = 20; index < 30; ++index) send_raw(pair.theirs, sent[index]);
    turns(3);
    EXPECT_EQ(receiver.datagrams.size(), 3U) << "still held";
    resume(receiver);
    run_until([&] { return receiver.datagrams.size() >= sent.size(); });
    EXPECT_EQ(receiver.datagrams, sent);
    expect_no_spin();
  }
}

TEST_P(SeamDatagramHazards, waiting_for_room_moves_thread) {
  for (const bool it_ends : kBoth) {
    SCOPED_TRACE(it_ends);
    SocketPair pair = unix_datagram_pair();
    const ChannelId channel = attach(std::move(pair.ours));
    auto& sender = make<DatagramSender>();
    sender.datagrams = {"late"};
    int filled = 0;
    elsewhere(it_ends, [&] {
      while (try_send(sender, channel, {"fill"}) == 1) ++filled;
      start(sender, channel);
      turns(2);
    });
    turns(2);
    EXPECT_FALSE(sender.ended());
    expect_no_spin();
    std::array<char, 16> memory;
    for (; filled > 0; --filled)
      ASSERT_EQ(::recv(pair.theirs.get().number, memory.data(), memory.size(), MSG_DONTWAIT), 4);
    run_until([&] { return sender.ended(); });
    EXPECT_EQ(sender.last_end(), 1);
  }
}

// --- errors that wait in the socket ------------------------------------------------------------------

TEST_P(SeamDatagramHazards, errors_that_a_program_asked_to_have_queued_take_neither_time_nor_room) {
  if (is_simulated()) GTEST_SKIP() << "about a thing of the system";
  UdpSocket socket = udp_socket();
  set(socket.descriptor, IPPROTO_IP, IP_RECVERR);
  const net::SocketAddress ours = socket.address;
  net::SocketAddress nobody;
  {
    const UdpSocket gone = udp_socket();
    nobody = gone.address;
  }
  const int number = socket.descriptor.get().number;
  const ChannelId channel = attach(std::move(socket.descriptor));
  auto& receiver = make<DatagramReceiver>();
  receiver.on_completed = [&](int result) {
    if (result != -ECANCELED) start(receiver, channel);
  };
  start(receiver, channel);
  auto& sender = make<DatagramSender>();
  const std::string text = pattern(8'000);
  const OutgoingDatagram out{.bytes = BytesView(text), .address = {nobody.get(), nobody.length}};
  for (int count = 0; count < 500; ++count) {
    // Refused because of the one before it, or sent and refused by nobody.
    static_cast<void>(backend().try_send(sender, channel, {&out, 1}));
    turn();
  }
  expect_no_spin();
  msghdr nothing{};
  EXPECT_EQ(::recvmsg(number, &nothing, MSG_ERRQUEUE | MSG_DONTWAIT), -1) << "an error is still queued";
  const UdpSocket somebody = udp_socket();
  ASSERT_EQ(::sendto(somebody.descriptor.get().number, "hello", 5, 0,
                     reinterpret_cast<const sockaddr*>(&ours.storage), ours.length),
            5);
  run_until([&] { return !receiver.datagrams.empty(); });
  EXPECT_EQ(receiver.datagrams, std::vector<std::string>{"hello"});
}

TEST_P(SeamDatagramHazards, an_error_that_comes_in_the_middle_of_a_batch_is_told_thread) {
  if (is_simulated()) GTEST_SKIP() << "about a thing of the system";
  UdpSocket socket = udp_socket();
  set(socket.descriptor, IPPROTO_IP, IP_RECVERR);  // so that a socket that is not connected is told at all
  const net::SocketAddress ours = socket.address;
  net::SocketAddress nobody;
  {
    const UdpSocket gone = udp_socket();
    nobody = gone.address;
  }
  const int number = socket.descriptor.get().number;
  const ChannelId channel = attach(std::move(socket.descriptor));
  auto& receiver = make<DatagramReceiver>();
  receiver.on_completed = [&](int result) {
    if (result != -ECANCELED) start(receiver, channel);
  };
  start(receiver, channel);
  turn();
  const UdpSocket peer = udp_socket();
  for (int round = 0; round < 50; ++round) {
    // Each of these is refused while we receive, and the error is the next one's who asks the socket: us.
    std::thread other([&] {
      for (int count = 0; count < 20; ++count)
        static_cast<void>(::sendto(number, "x", 1, MSG_NOSIGNAL, nobody.get(), nobody.length));
    });
    for (int count = 0; count < 40; ++count) {
      static_cast<void>(::sendto(peer.descriptor.get().number, "y", 1, 0,
                                 reinterpret_cast<const sockaddr*>(&ours.storage), ours.length));
      if (count % 10 == 0) turn();
    }
    other.join();
    run_until_quiet();
    int untold = 0;
    socklen_t size = sizeof untold;
    ASSERT_EQ(::getsockopt(number, SOL_SOCKET, SO_ERROR, &untold, &size), 0);
    ASSERT_EQ(untold, 0) << "in round " << round;
    ASSERT_EQ(receiver.datagrams.size(), 40U * static_cast<std::size_t>(round + 1));
  }
}

TEST_P(SeamDatagramHazards, a_unix_peer_that_turns_away_is_an_error_and_takes_nothing_with_it) {
  if (is_simulated()) GTEST_SKIP() << "about a thing of the system";
  SocketPair pair = unix_datagram_pair();
  const ChannelId channel = attach(std::move(pair.ours));
  auto& sender = make<DatagramSender>();
  EXPECT_EQ(try_send(sender, channel, {"will not be read"}), 1);
  send_raw(pair.theirs, "one");
  send_raw(pair.theirs, "two");
  sockaddr nowhere{};
  nowhere.sa_family = AF_UNSPEC;
  ASSERT_EQ(::connect(pair.theirs.get().number, &nowhere, sizeof nowhere), 0);
  auto& receiver = make<DatagramReceiver>();
  receiver.of = AddressFamily::unix_domain;
  receiver.on_completed = [&](int result) {
    if (result != -ECANCELED) start(receiver, channel);
  };
  start(receiver, channel);
  run_until([&] { return receiver.datagrams.size() == 2; });
  EXPECT_EQ(receiver.datagrams, (std::vector<std::string>{"one", "two"}));
  EXPECT_EQ(receiver.ends, std::vector<int>{-ECONNRESET});
  expect_no_spin();
}

// --- trains ------------------------------------------------------------------------------------------

TEST_P(SeamDatagramHazards, trains_that_the_kernel_refuses_go_as_datagrams) {
  if (is_simulated()) GTEST_SKIP() << "about a thing of the system";
  SocketPair pair = udp_pair();
  // Without a checksum, there is no cutting up: EINVAL for a train, and nothing against a datagram.
  set(pair.ours, SOL_SOCKET, SO_NO_CHECK);
  const ChannelId channel = attach(std::move(pair.ours));
  auto& sender = make<DatagramSender>();
  sender.allow_trains();
  auto& receiver = make<DatagramReceiver>();
  start(receiver, attach(std::move(pair.theirs)));
  std::vector<std::string> all;
  for (const std::size_t size : {1'000UL, 1'000UL, 20UL, 1'400UL}) {
    std::vector<std::string> sent = equal_ones(10, size);
    sent.insert(sent.begin(), "not one of them");
    std::vector<std::string> rest = sent;
    while (!rest.empty()) {
      const std::ptrdiff_t taken = try_send(sender, channel, rest);
      ASSERT_GT(taken, 0) << "refused";
      rest.erase(rest.begin(), rest.begin() + taken);
    }
    all.insert(all.end(), sent.begin(), sent.end());
    run_until([&] { return receiver.datagrams.size() == all.size(); });
  }
  EXPECT_EQ(receiver.datagrams, all);
}

TEST_P(SeamDatagramHazards, a_train_is_taken_apart_whatever_else_the_kernel_was_asked_to_say) {
  if (is_simulated()) GTEST_SKIP() << "about a thing of the system";
  SocketPair pair = udp_pair();
  set(pair.ours, SOL_UDP, UDP_GRO);
  set(pair.ours, SOL_SOCKET, SO_TIMESTAMPNS);
  set(pair.ours, SOL_SOCKET, SO_TIMESTAMPING, SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE);
  set(pair.ours, SOL_SOCKET, SO_RXQ_OVFL);
  set(pair.ours, IPPROTO_IP, IP_PKTINFO);
  set(pair.ours, IPPROTO_IP, IP_RECVTOS);
  set(pair.ours, IPPROTO_IP, IP_RECVTTL);
  set(pair.ours, SOL_SOCKET, SO_RCVBUF, 0);  // the smallest, so that some are lost, which is told as well
  const ChannelId channel = attach(std::move(pair.ours));
  auto& receiver = make<DatagramReceiver>();
  auto& sender = make<DatagramSender>();
  sender.allow_trains();
  const ChannelId other = attach(std::move(pair.theirs));
  const std::vector<std::string> sent = equal_ones(20);
  start(receiver, channel);
  for (int round = 0; round < 5; ++round) {
    for (int count = 0; count < 20; ++count) static_cast<void>(try_send(sender, other, sent));
    run_until_quiet();
  }
  EXPECT_GE(receiver.datagrams.size(), 5 * sent.size());
  for (std::size_t index = 0; index < receiver.datagrams.size(); ++index)
    ASSERT_EQ(receiver.datagrams[index], sent[index % sent.size()]) << index;
}

INSTANTIATE_TEST_SUITE_P(Seam, SeamDatagramHazards, ::testing::ValuesIn(grounds()), name_of);

}  // namespace
}  // namespace tidegate::kernel::testing
