// Holding back: what arrives meanwhile waits, in order, and costs no more than the kernel would hold back.
// Draining: what has arrived, and no more.
#include "kernel/seam_test.hpp"

#include <string>
#include <string_view>

namespace tidegate::kernel::testing {
namespace {

class SeamHolding : public SeamTest {};

// --- hold and resume -----------------------------------------------------------------------------

TEST_P(SeamHolding, what_arrives_while_held_comes_in_order_after_resume) {
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

TEST_P(SeamHolding, hold_from_inside_received_and_resume_again_and_again_keeps_the_order) {
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

TEST_P(SeamHolding, the_end_of_file_waits_until_resume_and_comes_last) {
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

TEST_P(SeamHolding, a_reset_while_held_is_told_after_resume_and_does_not_spin) {
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

TEST_P(SeamHolding, a_held_operation_can_be_cancelled_and_the_next_gets_all) {
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

TEST_P(SeamHolding, a_held_channel_takes_no_more_than_the_kernel_would_hold_back) {
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

TEST_P(SeamHolding, drain_delivers_what_has_arrived_and_completes) {
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

TEST_P(SeamHolding, drain_of_nothing_completes_and_so_does_one_with_an_end_of_file) {
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

TEST_P(SeamHolding, drain_right_after_another_operation_was_drained_and_cancelled_keeps_the_order) {
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

TEST_P(SeamHolding, a_parked_drain_is_done_in_order) {
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

INSTANTIATE_TEST_SUITE_P(Seam, SeamHolding, ::testing::ValuesIn(grounds()), name_of);

}  // namespace
}  // namespace tidegate::kernel::testing
