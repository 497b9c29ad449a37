// Watching for the end of a connection whose other end has finished sending.
#include "kernel/seam_test.hpp"

#include <sys/socket.h>

namespace tidegate::kernel::testing {
namespace {

class SeamHangup : public SeamTest {};

TEST_P(SeamHangup, watching_for_a_hangup_of_a_half_closed_connection_does_not_spin) {
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

TEST_P(SeamHangup, a_reset_ends_the_watch_for_a_hangup_with_its_error) {
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

TEST_P(SeamHangup, a_reset_that_comes_before_the_receive_has_given_way_to_a_watch_is_told) {
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

TEST_P(SeamHangup, a_watch_for_a_hangup_can_be_cancelled_and_receiving_goes_on) {
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

INSTANTIATE_TEST_SUITE_P(Seam, SeamHangup, ::testing::ValuesIn(grounds()), name_of);

}  // namespace
}  // namespace tidegate::kernel::testing
