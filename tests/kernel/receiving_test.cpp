// Receiving: what arrives is delivered once, in order, and only while it is wanted.
#include "kernel/seam_test.hpp"

#include <string>

namespace tidegate::kernel::testing {
namespace {

class SeamReceiving : public SeamTest {};

// --- delivery ------------------------------------------------------------------------------------

TEST_P(SeamReceiving, everything_arrives_in_order_and_then_the_end_of_file) {
  Link link = this->link();
  auto& receiver = make<Receiver>();
  start(receiver, link.channel);
  const std::string sent = pattern(100'000);
  std::size_t done = 0;
  while (done < sent.size()) {
    done += link.peer.send_some(std::string_view(sent).substr(done, 9'973));
    turn();
  }
  link.peer.close();
  run_until([&] { return receiver.ended(); });
  EXPECT_EQ(receiver.bytes, sent);
  EXPECT_EQ(receiver.last_end(), 0);
}

TEST_P(SeamReceiving, nothing_is_called_from_inside_of_start_cancel_hold_and_resume) {
  Link link = this->link();
  link.peer.send("there already");
  auto& receiver = make<Receiver>();
  start(receiver, link.channel);
  EXPECT_EQ(receiver.bytes, "");
  hold(receiver);
  resume(receiver);
  EXPECT_EQ(receiver.bytes, "");
  cancel(receiver);
  EXPECT_TRUE(receiver.ends.empty());
  EXPECT_TRUE(receiver.in_flight());
  backend().tell_done();
  EXPECT_EQ(receiver.last_end(), -ECANCELED);
  EXPECT_FALSE(receiver.in_flight());
}

TEST_P(SeamReceiving, a_reset_completes_with_its_error_after_what_came_before_it) {
  Link link = this->link(tcp_pair());
  auto& receiver = make<Receiver>();
  start(receiver, link.channel);
  link.peer.send("before");
  run_until([&] { return receiver.bytes == "before"; });
  link.peer.reset();
  run_until([&] { return receiver.ended(); });
  EXPECT_EQ(receiver.last_end(), -ECONNRESET);
}

TEST_P(SeamReceiving, many_channels_share_few_buffers_and_none_is_mixed_up) {
  constexpr std::size_t kLinks = 20;
  std::vector<Link> links;
  std::vector<Receiver*> receivers;
  for (std::size_t index = 0; index < kLinks; ++index) {
    links.push_back(link());
    receivers.push_back(&make<Receiver>());
    start(*receivers.back(), links.back().channel);
  }
  for (int round = 0; round < 5; ++round) {
    for (std::size_t index = 0; index < kLinks; ++index) links[index].peer.send(pattern(200, index * 1'000));
    turn();
  }
  for (std::size_t index = 0; index < kLinks; ++index) links[index].peer.close();
  std::string once;
  for (std::size_t index = 0; index < kLinks; ++index) {
    SCOPED_TRACE(index);
    run_until([&] { return receivers[index]->ended(); });
    const std::string part = pattern(200, index * 1'000);
    EXPECT_EQ(receivers[index]->bytes, part + part + part + part + part);
  }
}

TEST_P(SeamReceiving, a_flood_is_received_whole_whatever_its_size) {
  Link link = this->link(tcp_pair());
  auto& receiver = make<Receiver>();
  start(receiver, link.channel);
  constexpr std::size_t kBytes = 3'000'000;
  const std::string sent = pattern(kBytes);
  std::size_t done = 0;
  while (done < kBytes) {
    done += link.peer.send_some(std::string_view(sent).substr(done));
    turn();
  }
  run_until([&] { return receiver.bytes.size() >= kBytes; });
  EXPECT_TRUE(receiver.bytes == sent);
  // A trickle after it, which is what ends receiving in bulk.
  for (int round = 0; round < 10; ++round) {
    link.peer.send("drop");
    run_until([&] { return receiver.bytes.size() == kBytes + 4 * (static_cast<std::size_t>(round) + 1); });
  }
  expect_no_spin();
}

// --- cancel --------------------------------------------------------------------------------------

TEST_P(SeamReceiving, what_arrives_after_cancel_goes_to_the_next_operation) {
  Link link = this->link();
  auto& first = make<Receiver>();
  start(first, link.channel);
  turn();
  cancel(first);
  link.peer.send("for the next");
  run_until_quiet();
  EXPECT_EQ(first.last_end(), -ECANCELED);
  auto& second = make<Receiver>();
  start(second, link.channel);
  run_until([&] { return second.bytes == "for the next"; });
  link.peer.send(" and more");
  run_until([&] { return second.bytes == "for the next and more"; });
}

TEST_P(SeamReceiving, what_had_arrived_before_cancel_goes_to_the_next_operation) {
  Link link = this->link();
  auto& first = make<Receiver>();
  start(first, link.channel);
  turn();
  link.peer.send("arrived");
  backend().wait(std::chrono::milliseconds(100), Duration::zero());  // it is waiting to be dispatched
  cancel(first);
  backend().tell_done();
  backend().dispatch();
  EXPECT_EQ(first.ends, std::vector<int>{-ECANCELED});
  link.peer.send(" later");
  run_until_quiet();
  auto& second = make<Receiver>();
  start(second, link.channel);
  run_until([&] { return second.bytes == "arrived later"; });
}

TEST_P(SeamReceiving, cancelling_twice_and_after_the_end_completes_once) {
  Link link = this->link();
  auto& receiver = make<Receiver>();
  start(receiver, link.channel);
  turn();
  cancel(receiver);
  cancel(receiver);
  run_until_quiet();
  EXPECT_EQ(receiver.ends, std::vector<int>{-ECANCELED});
  cancel(receiver);
  run_until_quiet();
  EXPECT_EQ(receiver.ends.size(), 1U);
}

TEST_P(SeamReceiving, an_operation_can_be_started_again_from_inside_its_completion) {
  Link link = this->link();
  auto& receiver = make<Receiver>();
  int again = 0;
  receiver.on_completed = [&](int) {
    if (++again <= 5) start(receiver, link.channel);
  };
  start(receiver, link.channel);
  for (int round = 0; round < 5; ++round) {
    cancel(receiver);
    link.peer.send(std::to_string(round));
    turns(2);
  }
  run_until([&] { return receiver.bytes == "01234"; });
  EXPECT_EQ(receiver.starts, 6);
}

TEST_P(SeamReceiving, cancel_from_inside_received_ends_the_deliveries) {
  Link link = this->link();
  auto& first = make<Receiver>();
  auto& second = make<Receiver>();
  first.on_delivery = [&](BytesView) { cancel(first); };
  start(first, link.channel);
  turn();
  const std::string sent = pattern(3'000);
  for (std::size_t from = 0; from < sent.size(); from += 100)
    link.peer.send(std::string_view(sent).substr(from, 100));
  run_until([&] { return first.ended(); });
  EXPECT_EQ(first.deliveries, 1);
  start(second, link.channel);
  run_until([&] { return first.bytes.size() + second.bytes.size() == sent.size(); });
  EXPECT_EQ(first.bytes + second.bytes, sent);
}

INSTANTIATE_TEST_SUITE_P(Seam, SeamReceiving, ::testing::ValuesIn(grounds()), name_of);

}  // namespace
}  // namespace tidegate::kernel::testing
