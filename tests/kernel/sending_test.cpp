// Sending: what the kernel takes is counted once, and memory stays what it is as long as the kernel may read
// it.
#include "kernel/seam_test.hpp"

#include <array>
#include <string>

#include <sys/socket.h>

namespace tidegate::kernel::testing {
namespace {

class SeamSending : public SeamTest {
 protected:
  /// Echoes everything from the memory that it was lent, and offers the rest (of a copy) when the kernel was
  /// full.
  struct Echo {
    Receiver* receiver;
    Sender* sender;
    BytesView lent;
    std::string rest;
  };
  Echo& echo(ChannelId channel) {
    echoes_.push_back(std::make_unique<Echo>(Echo{&make<Receiver>(), &make<Sender>(), {}, {}}));
    Echo& made = *echoes_.back();
    const auto sent = [this, &made](std::ptrdiff_t result) {
      if (result == -EAGAIN || result == -EINTR) result = 0;
      ASSERT_GE(result, 0);
      // Valid until `completed` has returned, also where other channels have received meanwhile.
      made.rest.append(reinterpret_cast<const char*>(made.lent.data()) + result,
                       made.lent.size() - static_cast<std::size_t>(result));
    };
    made.sender->on_completed = [sent](int result) { sent(result); };
    made.receiver->on_delivery = [this, &made, sent, channel](BytesView bytes) {
      if (made.sender->in_flight()) {
        made.rest.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        return;
      }
      made.lent = bytes;
      const std::ptrdiff_t result = send(*made.sender, channel, bytes);
      if (result != Backend::kUnderWay) sent(result);
    };
    start(*made.receiver, channel);
    return made;
  }

 private:
  std::vector<std::unique_ptr<Echo>> echoes_;
};

// --- one send ------------------------------------------------------------------------------------

TEST_P(SeamSending, a_send_arrives_and_says_how_much_of_it_was_taken) {
  Link link = this->link();
  auto& sender = make<Sender>();
  const std::string text = pattern(1'000);
  EXPECT_EQ(send_now(sender, link.channel, text), 1'000);
  EXPECT_TRUE(link.peer.has(1'000));
  EXPECT_EQ(link.peer.received, text);
}

TEST_P(SeamSending, a_gathered_send_arrives_in_order) {
  Link link = this->link();
  auto& sender = make<Sender>();
  std::string first = "first, ";
  std::string second = "second, ";
  std::string third = "third";
  std::array<iovec, 3> pieces{iovec{first.data(), first.size()}, iovec{second.data(), second.size()},
                              iovec{third.data(), third.size()}};
  std::ptrdiff_t result = send(sender, link.channel, pieces);
  if (result == Backend::kUnderWay) {
    run_until([&] { return sender.ended(); });
    result = sender.last_end();
  }
  EXPECT_EQ(result, 20);
  link.peer.receive();
  EXPECT_EQ(link.peer.received, "first, second, third");
}

TEST_P(SeamSending, more_gathered_sends_at_once_than_there_is_room_for_headers) {
  constexpr std::size_t kLinks = 90;
  std::vector<Link> links;
  std::vector<Sender*> senders;
  std::vector<std::string> texts;
  for (std::size_t index = 0; index < kLinks; ++index) {
    links.push_back(link());
    senders.push_back(&make<Sender>());
    texts.push_back(pattern(40, index * 77));
  }
  for (std::size_t index = 0; index < kLinks; ++index) {
    std::array<iovec, 10> pieces;
    for (std::size_t piece = 0; piece < pieces.size(); ++piece) pieces[piece] = {&texts[index][piece * 4], 4};
    const std::ptrdiff_t result = send(*senders[index], links[index].channel, pieces);
    EXPECT_TRUE(result == Backend::kUnderWay || result == 40) << result;
  }
  run_until_quiet();
  for (std::size_t index = 0; index < kLinks; ++index) {
    links[index].peer.receive();
    EXPECT_EQ(links[index].peer.received, texts[index]);
  }
}

TEST_P(SeamSending, conclude_says_at_once_what_was_taken) {
  Link link = this->link();
  auto& sender = make<Sender>();
  const std::string text = pattern(100);
  const std::ptrdiff_t result = send(sender, link.channel, text);
  if (result == Backend::kUnderWay) {
    EXPECT_EQ(backend().conclude(sender, link.channel), 100);
    --sender.starts;  // concluded, so there is no completion
    EXPECT_FALSE(sender.in_flight());
  }
  run_until_quiet();
  link.peer.receive();
  EXPECT_EQ(link.peer.received, text);
  EXPECT_EQ(send_now(sender, link.channel, text), 100);
}

TEST_P(SeamSending, conclude_of_one_that_waits_for_room_leaves_it_waiting) {
  Link link = this->link();
  const std::size_t filled = fill(link.channel);
  auto& sender = make<Sender>();
  sender.rest = "and this";
  start(sender, link.channel);
  turns(2);
  EXPECT_EQ(backend().conclude(sender, link.channel), Backend::kUnderWay);
  EXPECT_TRUE(sender.in_flight());
  EXPECT_TRUE(link.peer.has(filled));
  run_until([&] { return sender.ended(); });
  EXPECT_EQ(sender.last_end(), 8);
}

TEST_P(SeamSending, a_send_on_a_channel_that_is_gone_ends_with_an_error) {
  Link link = this->link();
  const ChannelId gone = link.channel;
  close(gone);
  auto& sender = make<Sender>();
  start(sender, gone);
  run_until([&] { return sender.ended(); });
  EXPECT_EQ(sender.last_end(), -EBADF);
}

// --- full sockets --------------------------------------------------------------------------------

TEST_P(SeamSending, a_full_socket_takes_nothing_and_loses_nothing) {
  Link link = this->link();
  const std::size_t filled = fill(link.channel);
  auto& sender = make<Sender>();
  EXPECT_EQ(send_now(sender, link.channel, "too much"), -EAGAIN);
  sender.rest = "the end";
  start(sender, link.channel);
  run_until_quiet();
  EXPECT_TRUE(sender.in_flight());
  EXPECT_TRUE(link.peer.has(filled));
  run_until([&] { return !sender.in_flight(); });
  EXPECT_EQ(sender.last_end(), 7);
  EXPECT_TRUE(link.peer.has(filled + 7));
  EXPECT_EQ(link.peer.received.substr(filled), "the end");
}

TEST_P(SeamSending, waiting_for_room_towards_a_peer_that_has_half_closed_neither_spins_nor_blocks) {
  for (const bool tcp : {false, true}) {
    SCOPED_TRACE(tcp);
    Link link = this->link(tcp ? tcp_pair() : unix_pair());
    std::size_t filled = fill(link.channel);
    link.peer.shutdown_write();
    auto& sender = make<Sender>();
    sender.rest = "after that";
    start(sender, link.channel);
    turns(3);
    if (sender.in_flight()) {  // TCP may have moved some of it to the peer's side meanwhile
      expect_no_spin();
      if (sender.in_flight()) {
        cancel(sender);
        run_until([&] { return sender.ended(); });
        EXPECT_EQ(sender.last_end(), -ECANCELED);
        run_until_quiet();
        start(sender, link.channel);
        turns(3);
      }
    }
    run_until([&] {
      link.peer.receive();
      return sender.ended();
    });
    EXPECT_EQ(sender.last_end(), 10);
    run_until([&] { return link.peer.has(filled + 10); });
    EXPECT_EQ(link.peer.received.substr(filled), "after that");
    expect_no_spin();
  }
}

TEST_P(SeamSending, waiting_for_room_notices_that_the_connection_broke) {
  Link link = this->link(tcp_pair());
  fill(link.channel);
  auto& sender = make<Sender>();
  sender.rest = "never";
  start(sender, link.channel);
  turns(2);
  link.peer.reset();
  run_until([&] { return sender.ended(); });
  if (sender.last_end() >= 0) {  // there was room after all
    start(sender, link.channel);
    run_until([&] { return sender.ended(); });
  }
  EXPECT_TRUE(sender.last_end() == -ECONNRESET || sender.last_end() == -EPIPE) << sender.last_end();
}

TEST_P(SeamSending, a_cancelled_send_that_waits_for_room_sends_nothing) {
  Link link = this->link();
  const std::size_t filled = fill(link.channel);
  auto& sender = make<Sender>();
  sender.rest = "unwanted";
  start(sender, link.channel);
  turns(2);
  cancel(sender);
  EXPECT_TRUE(link.peer.has(filled));
  run_until([&] { return sender.ended(); });
  EXPECT_EQ(sender.last_end(), -ECANCELED);
  run_until_quiet();
  link.peer.receive();
  EXPECT_EQ(link.peer.received.size(), filled);
}

TEST_P(SeamSending, cancelling_a_send_that_is_under_way_completes_once) {
  for (const bool submitted : {false, true}) {
    SCOPED_TRACE(submitted);
    Link link = this->link();
    auto& sender = make<Sender>();
    const std::string text = "maybe";
    if (send(sender, link.channel, text) != Backend::kUnderWay) continue;
    if (submitted) backend().submit();
    cancel(sender);
    cancel(sender);
    run_until([&] { return sender.ended(); });
    EXPECT_EQ(sender.ends, std::vector<int>{-ECANCELED});
  }
}

// --- sending what is lent ------------------------------------------------------------------------

TEST_P(SeamSending, lent_bytes_are_sent_as_they_were_however_many_channels_receive_at_once) {
  constexpr std::size_t kLinks = 16;
  constexpr std::size_t kRounds = 20;
  std::vector<Link> links;
  std::vector<Echo*> echoes;
  for (std::size_t index = 0; index < kLinks; ++index) {
    links.push_back(link());
    echoes.push_back(&echo(links.back().channel));
  }
  for (std::size_t round = 0; round < kRounds; ++round) {
    for (std::size_t index = 0; index < kLinks; ++index) {
      links[index].peer.send(pattern(300, index * 10'000 + round * 300));
    }
    turn();
  }
  for (std::size_t index = 0; index < kLinks; ++index) {
    SCOPED_TRACE(index);
    run_until([&] { return echoes[index]->receiver->bytes.size() == kRounds * 300; });
    run_until_quiet();
    EXPECT_EQ(echoes[index]->receiver->bytes, pattern(kRounds * 300, index * 10'000));
    links[index].peer.receive();
    EXPECT_EQ(links[index].peer.received + echoes[index]->rest.substr(0, 0), links[index].peer.received);
    // What was not sent was told: in all, nothing is missing.
    EXPECT_EQ(links[index].peer.received.size() + echoes[index]->rest.size(), kRounds * 300);
    if (echoes[index]->rest.empty()) {
      EXPECT_EQ(links[index].peer.received, pattern(kRounds * 300, index * 10'000));
    }
  }
}

TEST_P(SeamSending, lent_bytes_that_the_kernel_does_not_take_are_still_there_when_that_is_told) {
  Link link = this->link();
  Link noise = this->link();
  auto& other = make<Receiver>();
  start(other, noise.channel);
  Echo& echoing = echo(link.channel);
  turn();
  const std::size_t filled = fill(link.channel);
  const std::string asked = pattern(16);
  link.peer.send(asked);
  for (int round = 0; round < 10; ++round) {
    noise.peer.send(std::string(16, 'n'));
    turn();
  }
  run_until([&] { return echoing.rest.size() == asked.size(); });
  EXPECT_EQ(echoing.rest, asked);
  EXPECT_TRUE(link.peer.has(filled));
  run_until_quiet();
  link.peer.receive();
  EXPECT_EQ(link.peer.received.size(), filled);
}

TEST_P(SeamSending, bytes_that_waited_while_held_can_be_sent_from_where_they_are) {
  Link link = this->link();
  Echo& echoing = echo(link.channel);
  turn();
  hold(*echoing.receiver);
  const std::string asked = pattern(2'000);
  link.peer.send(asked);
  run_until_quiet();
  resume(*echoing.receiver);
  // Whatever memory they lay in, somebody else may have it soon.
  std::vector<std::unique_ptr<std::string>> others;
  echoing.sender->on_completed = [&, told = echoing.sender->on_completed](int result) { told(result); };
  backend().wait(std::chrono::milliseconds(100), Duration::zero());
  backend().dispatch();
  for (std::size_t size = 16; size < 8'000; size += 16) {
    others.push_back(std::make_unique<std::string>(size, 'X'));
  }
  run_until([&] {
    link.peer.receive();
    return link.peer.received.size() + echoing.rest.size() == asked.size();
  });
  EXPECT_EQ(link.peer.received + echoing.rest, asked);
}

TEST_P(SeamSending, lent_bytes_can_be_sent_to_several_channels) {
  Link source = link();
  Link near = link();
  Link far = link();
  auto& to_near = make<Sender>();
  auto& to_far = make<Sender>();
  fill(far.channel);
  auto& receiver = make<Receiver>();
  BytesView lent;
  std::string left;
  const auto not_taken = [&](std::ptrdiff_t result) {
    ASSERT_EQ(result, -EAGAIN);
    left.assign(reinterpret_cast<const char*>(lent.data()), lent.size());
  };
  to_far.on_completed = not_taken;
  receiver.on_delivery = [&](BytesView bytes) {
    lent = bytes;
    static_cast<void>(send(to_near, near.channel, bytes));
    const std::ptrdiff_t result = send(to_far, far.channel, bytes);
    if (result != Backend::kUnderWay) not_taken(result);
  };
  start(receiver, source.channel);
  turn();
  source.peer.send("to all of you");
  run_until([&] { return !left.empty(); });
  EXPECT_EQ(left, "to all of you");
  run_until_quiet();
  near.peer.receive();
  EXPECT_EQ(near.peer.received, "to all of you");
}

TEST_P(SeamSending, lent_bytes_sent_to_a_channel_that_is_gone_come_back) {
  Link source = link();
  Link gone = link();
  const ChannelId was = gone.channel;
  close(was);
  auto& receiver = make<Receiver>();
  std::vector<Sender*> senders;
  receiver.on_delivery = [&](BytesView bytes) {
    senders.push_back(&make<Sender>());
    static_cast<void>(send(*senders.back(), was, bytes));
  };
  start(receiver, source.channel);
  turn();
  std::string sent;
  // More often than there are buffers: one that does not come back is missed soon.
  for (int round = 0; round < 80; ++round) {
    source.peer.send("unheard");
    sent += "unheard";
    run_until([&] { return receiver.bytes.size() == sent.size(); });
    if (HasFatalFailure()) return;
  }
  run_until_quiet();
  for (const Sender* sender : senders) EXPECT_TRUE(sender->ended());
}

INSTANTIATE_TEST_SUITE_P(Seam, SeamSending, ::testing::ValuesIn(grounds()), name_of);

}  // namespace
}  // namespace tidegate::kernel::testing
