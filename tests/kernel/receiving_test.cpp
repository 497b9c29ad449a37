// Receiving: what arrives is delivered once, in order, and only while it is wanted.
#include "kernel/seam_test.hpp"

#include <string>

#include <sys/socket.h>

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

// --- hold and resume -----------------------------------------------------------------------------

TEST_P(SeamReceiving, what_arrives_while_held_comes_in_order_after_resume) {
  Link link = this->link();
  auto& receiver = make<Receiver>();
  start(receiver, link.channel);
  turn();
  const std::string sent = pattern(5'000);
  link.peer.send(std::string_view(sent).substr(0, 1'000));
  backend().wait(std::chrono::milliseconds(100), Duration::zero());
  hold(receiver);
  backend().tell_done();
  backend().dispatch();
  for (std::size_t from = 1'000; from < sent.size(); from += 500) {
    link.peer.send(std::string_view(sent).substr(from, 500));
    turn();
  }
  run_until_quiet();
  EXPECT_EQ(receiver.bytes, "");
  resume(receiver);
  run_until([&] { return receiver.bytes.size() == sent.size(); });
  EXPECT_EQ(receiver.bytes, sent);
  link.peer.send("!");
  run_until([&] { return receiver.bytes == sent + "!"; });
}

TEST_P(SeamReceiving, hold_from_inside_received_and_resume_again_and_again_keeps_the_order) {
  Link link = this->link();
  auto& receiver = make<Receiver>();
  receiver.on_delivery = [&](BytesView) { hold(receiver); };
  start(receiver, link.channel);
  turn();
  std::string sent;
  for (int round = 0; round < 60; ++round) {
    const std::string part = pattern(70, sent.size());
    link.peer.send(part);
    sent += part;
    turn();
    if (round % 3 == 0) resume(receiver);
    if (round % 6 == 0) {
      hold(receiver);
      resume(receiver);
    }
  }
  link.peer.close();
  run_until([&] {
    if (receiver.is_quiet) resume(receiver);
    return receiver.ended();
  });
  EXPECT_EQ(receiver.bytes, sent);
  EXPECT_EQ(receiver.last_end(), 0);
}

TEST_P(SeamReceiving, the_end_of_file_waits_until_resume_and_comes_last) {
  for (const std::string_view last : {"", "the last words"}) {
    SCOPED_TRACE(last);
    Link link = this->link();
    auto& receiver = make<Receiver>();
    start(receiver, link.channel);
    turn();
    hold(receiver);
    link.peer.send(last);
    turn();
    link.peer.close();
    run_until_quiet();
    expect_no_spin();
    EXPECT_FALSE(receiver.ended());
    resume(receiver);
    run_until([&] { return receiver.ended(); });
    EXPECT_EQ(receiver.bytes, last);
    EXPECT_EQ(receiver.last_end(), 0);
  }
}

TEST_P(SeamReceiving, a_reset_while_held_is_told_after_resume_and_does_not_spin) {
  Link link = this->link(tcp_pair());
  auto& receiver = make<Receiver>();
  start(receiver, link.channel);
  turn();
  hold(receiver);
  link.peer.reset();
  run_until_quiet();
  expect_no_spin();
  EXPECT_FALSE(receiver.ended());
  resume(receiver);
  run_until([&] { return receiver.ended(); });
  EXPECT_EQ(receiver.last_end(), -ECONNRESET);
}

TEST_P(SeamReceiving, a_held_operation_can_be_cancelled_and_the_next_gets_all) {
  Link link = this->link();
  auto& first = make<Receiver>();
  start(first, link.channel);
  turn();
  hold(first);
  link.peer.send("kept");
  run_until_quiet();
  cancel(first);
  link.peer.close();
  run_until_quiet();
  EXPECT_EQ(first.ends, std::vector<int>{-ECANCELED});
  auto& second = make<Receiver>();
  start(second, link.channel);
  run_until([&] { return second.ended(); });
  EXPECT_EQ(second.bytes, "kept");
  EXPECT_EQ(second.last_end(), 0);
}

TEST_P(SeamReceiving, a_held_channel_takes_no_more_than_the_kernel_would_hold_back) {
  Link link = this->link();
  auto& receiver = make<Receiver>();
  start(receiver, link.channel);
  turn();
  hold(receiver);
  // The peer is stopped in the end: somebody who does not read costs a bounded amount of memory.
  std::size_t taken = 0;
  for (int round = 0; round < 200; ++round) {
    taken += link.peer.send_some(pattern(100'000, taken));
    turn();
  }
  EXPECT_LT(taken, std::size_t{8} * 1024 * 1024);
  resume(receiver);
  run_until([&] { return receiver.bytes.size() == taken; });
  EXPECT_TRUE(receiver.bytes == pattern(taken) || taken > 100'000);
}

// --- drain ---------------------------------------------------------------------------------------

TEST_P(SeamReceiving, drain_delivers_what_has_arrived_and_completes) {
  for (const bool waiting_already : {false, true}) {
    SCOPED_TRACE(waiting_already);
    Link link = this->link();
    auto& receiver = make<Receiver>();
    start(receiver, link.channel);
    turn();
    const std::string sent = pattern(2'000);
    link.peer.send(sent);
    if (waiting_already) backend().wait(std::chrono::milliseconds(100), Duration::zero());
    drain(receiver);
    run_until([&] { return receiver.ended(); });
    EXPECT_EQ(receiver.bytes, sent);
    EXPECT_EQ(receiver.last_end(), -EAGAIN);
  }
}

TEST_P(SeamReceiving, drain_of_nothing_completes_and_so_does_one_with_an_end_of_file) {
  Link idle = link();
  Link ended = link();
  auto& first = make<Receiver>();
  auto& second = make<Receiver>();
  start(first, idle.channel);
  start(second, ended.channel);
  turn();
  ended.peer.send("words");
  ended.peer.close();
  drain(first);
  drain(second);
  run_until([&] { return first.ended() && second.ended(); });
  EXPECT_EQ(first.last_end(), -EAGAIN);
  EXPECT_EQ(second.last_end(), 0);
  EXPECT_EQ(second.bytes, "words");
}

TEST_P(SeamReceiving, drain_right_after_another_operation_was_drained_and_cancelled_keeps_the_order) {
  Link link = this->link();
  auto& first = make<Receiver>();
  auto& second = make<Receiver>();
  link.peer.send("one");
  start(first, link.channel);
  drain(first);
  cancel(first);
  start(second, link.channel);
  drain(second);
  run_until([&] { return second.ended(); });
  EXPECT_EQ(second.bytes, "one");
  EXPECT_EQ(second.last_end(), -EAGAIN);
}

TEST_P(SeamReceiving, a_parked_drain_is_done_in_order) {
  Link link = this->link();
  auto& receiver = make<Receiver>();
  start(receiver, link.channel);
  turn();
  hold(receiver);
  link.peer.send("parked ");
  run_until_quiet();
  link.peer.send("in the kernel");
  receiver.is_quiet = false;
  backend().resume(receiver, link.channel);
  drain(receiver);
  run_until([&] { return receiver.ended(); });
  EXPECT_EQ(receiver.bytes, "parked in the kernel");
  EXPECT_EQ(receiver.last_end(), -EAGAIN);
}

// --- hang-ups ------------------------------------------------------------------------------------

TEST_P(SeamReceiving, watching_for_a_hangup_of_a_half_closed_connection_does_not_spin) {
  for (const bool tcp : {false, true}) {
    SCOPED_TRACE(tcp);
    Link link = this->link(tcp ? tcp_pair() : unix_pair());
    auto& receiver = make<Receiver>();
    start(receiver, link.channel);
    link.peer.shutdown_write();
    run_until([&] { return receiver.ended(); });
    auto& watch = make<Receiver>();
    watch.is_quiet = true;
    watch_hangup(watch, link.channel);
    turns(3);
    expect_no_spin();
    EXPECT_FALSE(watch.ended());
    // In order: both directions end.
    ::shutdown(backend().descriptor(link.channel).number, SHUT_WR);
    link.peer.close();
    run_until([&] { return watch.ended(); });
    EXPECT_EQ(watch.last_end(), 0);
  }
}

TEST_P(SeamReceiving, a_reset_ends_the_watch_for_a_hangup_with_its_error) {
  Link link = this->link(tcp_pair());
  auto& receiver = make<Receiver>();
  start(receiver, link.channel);
  link.peer.shutdown_write();
  run_until([&] { return receiver.ended(); });
  auto& watch = make<Receiver>();
  watch_hangup(watch, link.channel);
  turns(2);
  link.peer.reset();
  run_until([&] { return watch.ended(); });
  // Of a connection whose other end had finished sending, the kernel says this.
  EXPECT_TRUE(watch.last_end() == -EPIPE || watch.last_end() == -ECONNRESET) << watch.last_end();
}

TEST_P(SeamReceiving, a_reset_that_comes_before_the_receive_has_given_way_to_a_watch_is_told) {
  Link link = this->link(tcp_pair());
  auto& receiver = make<Receiver>();
  start(receiver, link.channel);
  turn();
  cancel(receiver);
  backend().tell_done();
  auto& watch = make<Receiver>();
  link.peer.reset();
  watch_hangup(watch, link.channel);
  run_until([&] { return watch.ended(); });
  EXPECT_EQ(watch.last_end(), -ECONNRESET);
}

TEST_P(SeamReceiving, a_watch_for_a_hangup_can_be_cancelled_and_receiving_goes_on) {
  Link link = this->link();
  auto& watch = make<Receiver>();
  watch_hangup(watch, link.channel);
  turns(2);
  cancel(watch);
  turn();
  EXPECT_EQ(watch.last_end(), -ECANCELED);
  auto& receiver = make<Receiver>();
  start(receiver, link.channel);
  link.peer.send("on it goes");
  run_until([&] { return receiver.bytes == "on it goes"; });
}

// --- memory of the receiver's own ----------------------------------------------------------------

TEST_P(SeamReceiving, own_memory_is_filled_and_lent_memory_not_used) {
  Link link = this->link();
  auto& receiver = make<Receiver>();
  receiver.set_own_memory(true);
  start(receiver, link.channel);
  const std::string sent = pattern(500);
  link.peer.send(sent);
  run_until([&] { return receiver.bytes.size() == sent.size(); });
  EXPECT_EQ(receiver.bytes, sent);
  EXPECT_EQ(receiver.own_bytes, sent.size());
  EXPECT_EQ(receiver.deliveries, 0);
}

TEST_P(SeamReceiving, the_memory_can_change_with_every_delivery) {
  Link link = this->link();
  auto& receiver = make<Receiver>();
  receiver.on_delivery = [&](BytesView) { receiver.set_own_memory(!receiver.own_memory()); };
  start(receiver, link.channel);
  turn();
  std::string sent;
  for (int round = 0; round < 40; ++round) {
    const std::string part = pattern(53, sent.size());
    link.peer.send(part);
    sent += part;
    if (round % 4 == 0) turn();
  }
  link.peer.close();
  run_until([&] { return receiver.ended(); });
  EXPECT_EQ(receiver.bytes, sent);
  EXPECT_GT(receiver.own_bytes, 0U);
  EXPECT_GT(receiver.deliveries, 0);
}

TEST_P(SeamReceiving, what_has_arrived_in_lent_memory_is_delivered_into_own_memory_that_came_after) {
  Link link = this->link();
  auto& receiver = make<Receiver>();
  start(receiver, link.channel);
  turn();
  const std::string sent = pattern(100);
  link.peer.send(sent);
  backend().wait(std::chrono::milliseconds(100), Duration::zero());
  receiver.set_own_memory(true);
  backend().dispatch();
  run_until([&] { return receiver.bytes.size() == sent.size(); });
  EXPECT_EQ(receiver.bytes, sent);
  EXPECT_EQ(receiver.own_bytes, sent.size());
}

TEST_P(SeamReceiving, hold_and_cancel_from_inside_target_lose_nothing) {
  Link link = this->link();
  auto& receiver = make<Receiver>();
  receiver.set_own_memory(true);
  int asked = 0;
  receiver.on_target = [&] {
    if (++asked == 2) hold(receiver);
  };
  start(receiver, link.channel);
  const std::string sent = pattern(100);
  link.peer.send(sent);
  run_until([&] { return receiver.is_quiet; });
  run_until_quiet();
  EXPECT_EQ(receiver.bytes, sent.substr(0, 7));
  asked = 10;
  auto& next = make<Receiver>();
  receiver.on_target = [&] { cancel(receiver); };
  resume(receiver);
  run_until([&] { return receiver.ended(); });
  EXPECT_EQ(receiver.bytes, sent.substr(0, 7));
  start(next, link.channel);
  run_until([&] { return next.bytes.size() == sent.size() - 7; });
  EXPECT_EQ(next.bytes, sent.substr(7));
}

INSTANTIATE_TEST_SUITE_P(Seam, SeamReceiving, ::testing::ValuesIn(grounds()), name_of);

}  // namespace
}  // namespace tidegate::kernel::testing
