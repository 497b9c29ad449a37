// What close and abort do: L4 to L6.
#include "contract/contract_test.hpp"

#include <string>

namespace tidegate::contract {
namespace {

class StreamClosing : public ContractTest {};

// --- L4 ------------------------------------------------------------------------------------------

TEST_P(StreamClosing, L4_close_flushes_what_is_buffered_then_reports_loss_without_error) {
  connect_raw();
  const std::size_t written = fill_kernel();
  here().close();
  rig().run_until_quiet();
  EXPECT_EQ(here().lost_count, 0) << "there is still something to flush";
  rig().run_until([&] { return peer().at_end(); });
  EXPECT_TRUE(peer().saw_eof);
  EXPECT_EQ(peer().received.size(), written);
  EXPECT_TRUE(is_pattern(peer().received));
  run_until_lost();
  EXPECT_FALSE(here().reason) << here().reason.message();
}

TEST_P(StreamClosing, L4_close_flushes_what_was_written_just_before_in_the_same_callback) {
  connect_raw();
  rig().in_loop([&] {
    here().write("last ");
    here().write(Chunk(std::string("words")));
    here().close();
  });
  rig().run_until([&] { return peer().at_end(); });
  EXPECT_EQ(peer().received, "last words");
  EXPECT_TRUE(peer().saw_eof);
  run_until_lost();
  EXPECT_FALSE(here().reason);
}

TEST_P(StreamClosing, L4_no_data_is_received_after_close_returned) {
  for (const bool inside_callback : {false, true}) {
    SCOPED_TRACE(inside_callback);
    connect_raw();
    if (inside_callback) {
      here().on.some_received = [&] { here().close(); };
      peer().send(pattern(100'000));
      rig().run_until([&] { return !here().received.empty(); });
    } else {
      peer().send("never to be seen");
      here().close();
      EXPECT_EQ(here().received, "");
    }
    const std::size_t received = here().received.size();
    run_until_lost();
    EXPECT_EQ(here().received.size(), received);
    EXPECT_EQ(here().eof_count, 0);
  }
}

TEST_P(StreamClosing, L4_no_data_is_received_while_a_closed_transport_flushes) {
  connect_raw();
  fill_kernel();
  here().close();
  peer().send("never to be seen");
  rig().run_until_quiet();
  EXPECT_EQ(here().received, "");
  peer().shutdown_write();
  rig().run_until_quiet();
  EXPECT_EQ(here().eof_count, 0);
  EXPECT_EQ(here().lost_count, 0);
  rig().run_until([&] { return peer().at_end(); });
  run_until_lost();
  EXPECT_FALSE(here().reason) << here().reason.message();
}

TEST_P(StreamClosing, L4_closing_again_changes_nothing_also_inside_callbacks) {
  connect_raw();
  const std::size_t written = fill_kernel();
  here().on.connection_lost = [&](const Error&) { here().close(); };
  here().close();
  here().close();
  rig().in_loop([&] { here().close(); });
  rig().run_until([&] { return peer().at_end(); });
  EXPECT_EQ(peer().received.size(), written);
  run_until_lost();
  here().close();
  rig().run_until_quiet();
  EXPECT_EQ(here().lost_count, 1);
}

TEST_P(StreamClosing, L4_L3_a_flush_that_fails_ends_the_connection_with_its_error) {
  connect_raw();
  fill_kernel();
  here().close();
  if (rig().ground().is_tcp()) {
    peer().reset();
  } else {
    peer().close();
  }
  run_until_lost();
  EXPECT_TRUE(here().reason) << "bytes were lost";
}

// --- L5 ------------------------------------------------------------------------------------------

TEST_P(StreamClosing, L5_abort_drops_what_is_buffered) {
  connect_raw();
  const std::size_t written = fill_kernel();
  here().abort();
  EXPECT_EQ(here().buffered(), 0U);
  run_until_lost();
  EXPECT_FALSE(here().reason) << here().reason.message();
  rig().run_until([&] { return peer().at_end(); });
  EXPECT_LT(peer().received.size(), written);
  EXPECT_TRUE(is_pattern(peer().received));
}

TEST_P(StreamClosing, L5_abort_ends_a_close_that_is_still_flushing) {
  connect_raw();
  fill_kernel();
  here().close();
  rig().run_until_quiet();
  ASSERT_EQ(here().lost_count, 0);
  here().abort();
  EXPECT_EQ(here().lost_count, 0);
  run_until_lost();
  EXPECT_FALSE(here().reason) << here().reason.message();
}

TEST_P(StreamClosing, L5_abort_and_close_after_abort_change_nothing) {
  connect_raw();
  fill_kernel();
  rig().in_loop([&] {
    here().abort();
    here().abort();
    here().close();
  });
  run_until_lost();
  rig().run_until_quiet();
  EXPECT_EQ(here().lost_count, 1);
  EXPECT_FALSE(here().reason);
}

// --- L6 ------------------------------------------------------------------------------------------

TEST_P(StreamClosing, L6_is_closing_while_flushing_after_an_end_of_file) {
  connect_raw();
  fill_kernel();
  peer().shutdown_write();
  rig().run_until([&] { return here().eof_count == 1; });
  rig().run_until_quiet();
  EXPECT_TRUE(here().transport().is_closing());
  EXPECT_EQ(here().lost_count, 0);
}

TEST_P(StreamClosing, L6_an_end_of_file_that_keeps_open_does_not_close) {
  if (rig().ground().is_tls()) GTEST_SKIP() << "TLS has no half-close";
  connect_raw([&] { here().keep_open_after_eof = true; });
  peer().shutdown_write();
  rig().run_until([&] { return here().eof_count == 1; });
  rig().run_until_quiet();
  EXPECT_FALSE(here().transport().is_closing());
  EXPECT_EQ(here().lost_count, 0);
}

TEST_P(StreamClosing, L6_is_closing_after_a_fatal_error_before_connection_lost_came) {
  connect_raw();
  bool closing_at_once = false;
  here().on.some_received = [&] {
    loop().call_soon([&] { closing_at_once = here().transport().is_closing(); });
    std::rethrow_exception(failure("fatal"));
  };
  peer().send("x");
  run_until_lost();
  rig().run_rounds(2);
  EXPECT_TRUE(closing_at_once);
  static_cast<void>(rig().take_report());
}

/// Who writes until it is told to pause, or that the connection closes, must not go on for ever.
TEST_P(StreamClosing, L6_is_closing_in_the_write_that_finds_the_connection_broken) {
  connect_raw();
  reset_by_peer();
  constexpr int kMost = 1000;
  int writes = 0;
  rig().in_loop([&] {
    bool paused = false;
    here().on.pause_writing = [&] { paused = true; };
    for (; writes < kMost && !paused && !here().transport().is_closing(); ++writes) {
      here().transport().write(Chunk(std::string(100'000, 'x')));
    }
    here().on.pause_writing = nullptr;
  });
  EXPECT_LT(writes, kMost);
  run_until_lost();
  EXPECT_TRUE(here().reason);
  static_cast<void>(rig().take_warnings());
}

INSTANTIATE_TEST_SUITE_P(Streams, StreamClosing, ::testing::ValuesIn(each_side()), name_of);

}  // namespace
}  // namespace tidegate::contract
