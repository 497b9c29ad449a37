// Receiving into memory of the receiver's own, and changing between that and lent memory.
#include "kernel/seam_test.hpp"

#include <string>
#include <string_view>

namespace tidegate::kernel::testing {
namespace {

class SeamOwnMemory : public SeamTest {};

TEST_P(SeamOwnMemory, own_memory_is_filled_and_lent_memory_not_used) {
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

TEST_P(SeamOwnMemory, the_memory_can_change_with_every_delivery) {
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

TEST_P(SeamOwnMemory, what_has_arrived_in_lent_memory_is_delivered_into_own_memory_that_came_after) {
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

TEST_P(SeamOwnMemory, changing_to_lent_memory_and_submitting_from_inside_keeps_the_order) {
  Link link = this->link();
  auto& receiver = make<Receiver>();
  receiver.set_own_memory(true);
  const std::string sent = pattern(400);
  int deliveries = 0;
  receiver.on_delivery = [&](BytesView) {
    if (++deliveries != 2) return;
    receiver.set_own_memory(false);
    hold(receiver);
    resume(receiver);
    backend().submit();
    link.peer.send(std::string_view(sent).substr(200));
  };
  start(receiver, link.channel);
  turn();
  link.peer.send(std::string_view(sent).substr(0, 200));
  run_until([&] { return receiver.bytes.size() == sent.size(); });
  EXPECT_EQ(receiver.bytes, sent);
}

TEST_P(SeamOwnMemory, hold_and_cancel_from_inside_target_lose_nothing) {
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

INSTANTIATE_TEST_SUITE_P(Seam, SeamOwnMemory, ::testing::ValuesIn(grounds()), name_of);

}  // namespace
}  // namespace tidegate::kernel::testing
