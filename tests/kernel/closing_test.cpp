// The end of a descriptor: closed when it is closed, given back when it is given back, and never mistaken for
// its next.
#include "kernel/seam_test.hpp"

#include <cerrno>
#include <string>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace tidegate::kernel::testing {
namespace {

class SeamClosing : public SeamTest {};

TEST_P(SeamClosing, the_peer_sees_the_end_at_once_although_a_receive_was_in_flight) {
  for (const bool dispatched : {false, true}) {
    SCOPED_TRACE(dispatched);
    Link link = this->link();
    auto& receiver = make<Receiver>();
    start(receiver, link.channel);
    if (dispatched) turns(2);
    cancel(receiver);
    backend().tell_done();
    close(link.channel);
    EXPECT_TRUE(link.peer.at_end()) << "without any further call of the backend";
    EXPECT_FALSE(backend().descriptor(link.channel).valid());
  }
}

TEST_P(SeamClosing, the_peer_sees_the_end_at_once_whatever_was_in_flight) {
  Link link = this->link();
  auto& receiver = make<Receiver>();
  auto& sender = make<Sender>();
  auto& watch = make<Receiver>();
  const std::size_t filled = fill(link.channel);
  start(receiver, link.channel);
  sender.rest = "never";
  start(sender, link.channel);
  turns(2);
  cancel(receiver);
  cancel(sender);
  backend().tell_done();
  watch_hangup(watch, link.channel);
  turns(2);
  cancel(watch);
  backend().tell_done();
  close(link.channel);
  EXPECT_TRUE(link.peer.has(filled));
  EXPECT_TRUE(link.peer.at_end());
}

TEST_P(SeamClosing, close_with_data_that_nobody_has_read_leaves_nothing_behind) {
  for (const bool held : {false, true}) {
    SCOPED_TRACE(held);
    Link link = this->link();
    auto& receiver = make<Receiver>();
    start(receiver, link.channel);
    turn();
    if (held) hold(receiver);
    link.peer.send("unread");
    if (held) run_until_quiet();
    if (!held) backend().wait(std::chrono::milliseconds(100), Duration::zero());
    cancel(receiver);
    backend().tell_done();
    close(link.channel);
    EXPECT_TRUE(link.peer.at_end());
    turns(3);
    EXPECT_EQ(receiver.bytes, "");
  }
}

TEST_P(SeamClosing, close_from_inside_received_while_more_waits) {
  Link link = this->link();
  auto& receiver = make<Receiver>();
  receiver.on_delivery = [&](BytesView) {
    cancel(receiver);
    close(link.channel);
  };
  start(receiver, link.channel);
  turn();
  for (int part = 0; part < 20; ++part) link.peer.send("sixteen bytes at");
  run_until([&] { return receiver.ended(); });
  EXPECT_EQ(receiver.deliveries, 1);
  EXPECT_TRUE(link.peer.at_end());
}

TEST_P(SeamClosing, what_was_for_the_last_owner_of_a_number_does_not_reach_the_next) {
  for (int round = 0; round < 30; ++round) {
    SCOPED_TRACE(round);
    Link old = link();
    const int number = backend().descriptor(old.channel).number;
    auto& first = make<Receiver>();
    start(first, old.channel);
    turn();
    old.peer.send("for the old one");
    if (round % 2 == 0) backend().wait(std::chrono::milliseconds(100), Duration::zero());
    cancel(first);
    backend().tell_done();
    close(old.channel);
    SocketPair pair = unix_pair();
    if (pair.ours.get().number != number) {
      // The number was taken by the other end: exchange them.
      std::swap(pair.ours, pair.theirs);
    }
    ASSERT_EQ(pair.ours.get().number, number);
    Link next = link(std::move(pair));
    auto& second = make<Receiver>();
    start(second, next.channel);
    old.peer.close();
    run_until_quiet();
    EXPECT_EQ(second.bytes, "");
    EXPECT_FALSE(second.ended());
    next.peer.send("for the next one");
    run_until([&] { return second.bytes == "for the next one"; });
    cancel(second);
    backend().tell_done();
    close(next.channel);
  }
}

TEST_P(SeamClosing, what_is_called_for_a_channel_that_is_gone_does_nothing_to_the_next) {
  Link old = link();
  const ChannelId gone = old.channel;
  close(gone);
  Link next = link();
  EXPECT_FALSE(backend().descriptor(gone).valid());
  backend().close(gone);
  EXPECT_FALSE(backend().detach(gone).valid());
  EXPECT_TRUE(backend().descriptor(next.channel).valid());
  auto& receiver = make<Receiver>();
  start(receiver, gone);
  run_until([&] { return receiver.ended(); });
  EXPECT_EQ(receiver.last_end(), -EBADF);
}

TEST_P(SeamClosing, detach_leaves_the_descriptor_open_usable_and_unwatched) {
  Link link = this->link();
  auto& receiver = make<Receiver>();
  start(receiver, link.channel);
  turns(2);
  cancel(receiver);
  backend().tell_done();
  const OwnedFileDescriptor ours = backend().detach(link.channel);
  ASSERT_TRUE(ours.valid());
  EXPECT_FALSE(backend().owns(ours.get()));
  link.peer.send("for its owner");
  turns(3);
  expect_no_spin();
  std::string text(64, '\0');
  const ssize_t count = ::recv(ours.get().number, text.data(), text.size(), MSG_DONTWAIT);
  ASSERT_EQ(count, 13);
  EXPECT_EQ(text.substr(0, 13), "for its owner");
  EXPECT_EQ(::send(ours.get().number, "back", 4, MSG_NOSIGNAL), 4);
  EXPECT_TRUE(link.peer.has(4));
}

TEST_P(SeamClosing, a_detached_descriptor_can_be_attached_again) {
  Link link = this->link();
  for (int round = 0; round < 5; ++round) {
    auto& receiver = make<Receiver>();
    start(receiver, link.channel);
    turn();
    link.peer.send("hello");
    run_until([&] { return receiver.bytes == "hello"; });
    cancel(receiver);
    backend().tell_done();
    OwnedFileDescriptor ours = backend().detach(link.channel);
    link.channel = backend().attach(std::move(ours));
  }
  backend().close(link.channel);
  EXPECT_TRUE(link.peer.at_end());
}

TEST_P(SeamClosing, many_channels_closed_at_once_in_the_midst_of_traffic) {
  constexpr std::size_t kLinks = 40;
  std::vector<Link> links;
  std::vector<Receiver*> receivers;
  for (std::size_t index = 0; index < kLinks; ++index) {
    links.push_back(link());
    receivers.push_back(&make<Receiver>());
    start(*receivers.back(), links.back().channel);
  }
  // The first that hears of anything closes all of them.
  for (Receiver* receiver : receivers) {
    receiver->on_delivery = [&](BytesView) {
      for (Receiver* other : receivers) cancel(*other);
      for (const Link& link : links) close(link.channel);
    };
  }
  turn();
  for (Link& link : links) link.peer.send(pattern(100));
  run_until([&] {
    for (const Receiver* receiver : receivers) {
      if (!receiver->ended()) return false;
    }
    return true;
  });
  int heard = 0;
  for (const Receiver* receiver : receivers) heard += receiver->deliveries;
  EXPECT_EQ(heard, 1);
  for (Link& link : links) EXPECT_TRUE(link.peer.at_end());
}

TEST_P(SeamClosing, a_number_that_was_closed_behind_our_back_comes_without_what_was_parked) {
  if (is_simulated()) GTEST_SKIP() << "about a thing of the system";
  Link link = this->link();
  auto& receiver = make<Receiver>();
  start(receiver, link.channel);
  turn();
  hold(receiver);
  link.peer.send("theirs");
  turns(3);
  const int number = backend().descriptor(link.channel).number;
  SocketPair pair = unix_pair();
  ASSERT_EQ(::dup3(pair.ours.get().number, number, O_CLOEXEC), number);
  pair.ours.reset();
  pair.ours = OwnedFileDescriptor(FileDescriptor{number});
  Link next = this->link(std::move(pair));
  auto& stranger = make<Receiver>();
  start(stranger, next.channel);
  turn();
  hold(stranger);
  next.peer.send("mine");
  turns(3);
  resume(stranger);
  run_until([&] { return !stranger.bytes.empty(); });
  run_until_quiet();
  EXPECT_EQ(stranger.bytes, "mine");
}

INSTANTIATE_TEST_SUITE_P(Seam, SeamClosing, ::testing::ValuesIn(grounds()), name_of);

}  // namespace
}  // namespace tidegate::kernel::testing
