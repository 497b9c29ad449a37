// The end of what the other end sends: R3.
#include "contract/contract_test.hpp"

#include <string>

namespace tidegate::contract {
namespace {

class EndOfFile : public ContractTest {
 protected:
  /// The peer has finished sending, and the protocol keeps the transport open.
  void half_close() {
    here().keep_open_after_eof = true;
    peer().shutdown_write();
    rig().run_until([&] { return here().eof_count == 1; }, "eof_received");
  }
};

TEST_P(EndOfFile, R3_by_default_the_transport_closes_itself) {
  connect_raw();
  peer().send("last words");
  peer().shutdown_write();
  run_until_lost();
  EXPECT_EQ(here().received, "last words");
  EXPECT_EQ(here().eof_count, 1);
  EXPECT_FALSE(here().reason) << here().reason.message();
  rig().run_until([&] { return peer().at_end(); });
  EXPECT_TRUE(peer().saw_eof);
}

TEST_P(EndOfFile, R3_a_transport_that_closes_itself_flushes_first) {
  connect_raw();
  const std::size_t written = fill_kernel();
  peer().shutdown_write();
  rig().run_until([&] { return here().eof_count == 1; });
  rig().run_until_quiet();
  EXPECT_EQ(here().lost_count, 0);
  rig().run_until([&] { return peer().at_end(); });
  EXPECT_EQ(peer().received.size(), written);
  EXPECT_TRUE(is_pattern(peer().received));
  run_until_lost();
  EXPECT_FALSE(here().reason) << here().reason.message();
}

TEST_P(EndOfFile, R3_what_eof_received_writes_is_flushed_too) {
  connect_raw();
  here().on.eof_received = [&] {
    here().write("answer");
    return false;
  };
  peer().send("question");
  peer().shutdown_write();
  rig().run_until([&] { return peer().at_end(); });
  EXPECT_EQ(peer().received, "answer");
  EXPECT_TRUE(peer().saw_eof);
  run_until_lost();
}

/// A client that has said all and waits for the answer: a task that gives it is woken before the transport
/// closes.
TEST_P(EndOfFile, R3_what_the_last_bytes_make_ready_runs_before_the_end_is_told) {
  if (rig().ground().is_tls()) GTEST_SKIP() << "TLS tells of both in one record's turn, as asyncio does";
  connect_raw();
  here().on.some_received = [&] {
    loop().call_soon([&] {
      if (here().received != "question") return;
      EXPECT_EQ(here().eof_count, 0);
      here().write("answer");
    });
  };
  peer().send("question");
  peer().shutdown_write();
  rig().run_until([&] { return peer().at_end(); });
  EXPECT_EQ(peer().received, "answer");
  run_until_lost();
}

TEST_P(EndOfFile, R3_kept_open_the_transport_can_still_write) {
  if (rig().ground().is_tls()) GTEST_SKIP() << "TLS has no half-close";
  connect_raw();
  half_close();
  EXPECT_FALSE(here().transport().is_closing());
  EXPECT_TRUE(here().transport().is_reading());
  here().write("answer");
  rig().run_until([&] { return peer().has(6); });
  const std::size_t filled = fill_kernel();
  rig().run_until([&] { return peer().has(6 + filled); });
  EXPECT_TRUE(is_pattern(BytesView(peer().received).drop(6)));
  EXPECT_EQ(here().lost_count, 0);
  here().close();
  run_until_lost();
  EXPECT_FALSE(here().reason) << here().reason.message();
  EXPECT_EQ(here().eof_count, 1);
}

TEST_P(EndOfFile, R3_eof_received_does_not_come_again_after_pausing_and_resuming) {
  if (rig().ground().is_tls()) GTEST_SKIP() << "TLS has no half-close";
  connect_raw();
  half_close();
  for (int times = 0; times < 3; ++times) {
    here().pause_reading();
    rig().run_rounds(3);
    here().resume_reading();
    rig().run_until_quiet();
  }
  EXPECT_EQ(here().eof_count, 1);
  EXPECT_EQ(here().lost_count, 0);
}

TEST_P(EndOfFile, R3_pausing_inside_eof_received_that_keeps_open) {
  if (rig().ground().is_tls()) GTEST_SKIP() << "TLS has no half-close";
  connect_raw();
  here().on.eof_received = [&] {
    here().pause_reading();
    return true;
  };
  peer().shutdown_write();
  rig().run_until([&] { return here().eof_count == 1; });
  rig().run_until_quiet();
  here().resume_reading();
  rig().run_until_quiet();
  EXPECT_EQ(here().eof_count, 1);
  here().write("still writing");
  rig().run_until([&] { return peer().has(13); });
}

TEST_P(EndOfFile, R3_both_directions_ended_the_transport_waits_for_close) {
  if (rig().ground().is_tls()) GTEST_SKIP() << "TLS has no half-close";
  connect_raw();
  half_close();
  here().write("goodbye");
  here().write_eof();
  rig().run_until([&] { return peer().at_end(); });
  EXPECT_EQ(peer().received, "goodbye");
  rig().run_until_quiet();
  EXPECT_EQ(here().lost_count, 0);
  EXPECT_FALSE(here().transport().is_closing());
  here().close();
  run_until_lost();
  EXPECT_FALSE(here().reason) << here().reason.message();
}

TEST_P(EndOfFile, R3_both_directions_ended_by_the_peer_first_and_the_peer_gone) {
  if (rig().ground().is_tls()) GTEST_SKIP() << "TLS has no half-close";
  connect_raw();
  half_close();
  here().write_eof();
  rig().run_until([&] { return peer().at_end(); });
  peer().close();
  rig().run_until_quiet();
  if (!here().lost()) here().close();
  run_until_lost();
  EXPECT_FALSE(here().reason) << here().reason.message();
}

TEST_P(EndOfFile, R3_write_eof_inside_eof_received_that_keeps_open) {
  if (rig().ground().is_tls()) GTEST_SKIP() << "TLS has no half-close";
  connect_raw();
  here().on.eof_received = [&] {
    here().write("answer");
    here().write_eof();
    return true;
  };
  peer().shutdown_write();
  rig().run_until([&] { return peer().at_end(); });
  EXPECT_EQ(peer().received, "answer");
  rig().run_until_quiet();
  EXPECT_EQ(here().lost_count, 0);
}

TEST_P(EndOfFile, R3_close_inside_eof_received_wins_over_keeping_open) {
  connect_raw();
  here().on.eof_received = [&] {
    here().close();
    return true;
  };
  peer().shutdown_write();
  run_until_lost();
  EXPECT_FALSE(here().reason);
}

TEST_P(EndOfFile, R3_an_end_of_file_that_is_there_from_the_beginning) {
  if (rig().ground().is_tls()) GTEST_SKIP() << "nothing is there before the handshake";
  connect_raw([&] { peer().shutdown_write(); });
  run_until_lost();
  EXPECT_EQ(here().received, "");
  EXPECT_EQ(here().eof_count, 1);
}

TEST_P(EndOfFile, R3_between_two_transports_each_direction_ends_by_itself) {
  if (rig().ground().is_tls()) GTEST_SKIP() << "TLS has no half-close";
  connect_pair([&] {
    here().keep_open_after_eof = true;
    there().keep_open_after_eof = true;
  });
  here().write("from here");
  here().write_eof();
  rig().run_until([&] { return there().eof_count == 1; });
  EXPECT_EQ(there().received, "from here");
  there().write("from there");
  rig().run_until([&] { return here().received == "from there"; });
  there().write_eof();
  rig().run_until([&] { return here().eof_count == 1; });
  rig().run_until_quiet();
  EXPECT_EQ(here().lost_count + there().lost_count, 0);
}

INSTANTIATE_TEST_SUITE_P(Streams, EndOfFile, ::testing::ValuesIn(each_receiver()), name_of);

}  // namespace
}  // namespace tidegate::contract
