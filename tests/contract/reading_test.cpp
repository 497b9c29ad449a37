// What a protocol receives, and when: R1 and R2. The end of file is in end_of_file_test.cpp, get_buffer in
// buffered_protocol_test.cpp.
#include "contract/contract_test.hpp"

#include <string>

#include <sys/socket.h>

namespace tidegate::contract {
namespace {

class StreamReading : public ContractTest {
 protected:
  /// Sends `text` and gives it every chance to be delivered.
  void send_and_wait(const std::string& text) {
    peer().send(text);
    rig().run_until_quiet();
  }
  void run_until_received(std::size_t size_bytes) {
    rig().run_until([&, size_bytes] { return here().received.size() >= size_bytes; }, "enough bytes");
    EXPECT_EQ(here().received.size(), size_bytes);
  }
};

// --- R1 ------------------------------------------------------------------------------------------

TEST_P(StreamReading, R1_bytes_arrive_in_order_when_sent_one_at_a_time) {
  connect_raw();
  const std::string text = pattern(300);
  for (const char& byte : text) {
    peer().send(BytesView(&byte, 1));
    rig().run_rounds(1);
  }
  run_until_received(text.size());
  EXPECT_EQ(here().received, text);
}

TEST_P(StreamReading, R1_bytes_arrive_in_order_when_sent_as_fast_as_possible) {
  constexpr std::size_t kTotalBytes = std::size_t{8} * 1024 * 1024;
  connect_raw();
  std::size_t sent = 0;
  while (sent < kTotalBytes) {
    sent += peer().send_some(pattern(std::min<std::size_t>(kTotalBytes - sent, 200'000), sent));
    rig().run_rounds(1);
  }
  run_until_received(kTotalBytes);
  EXPECT_TRUE(is_pattern(here().received));
}

TEST_P(StreamReading, R1_pieces_of_every_size_arrive_whole) {
  connect_raw();
  std::size_t sent = 0;
  for (std::size_t size = 1; size <= 70'000; size = size * 3 / 2 + 1) {
    peer().send(pattern(size, sent));
    sent += size;
    rig().run_rounds(2);
  }
  run_until_received(sent);
  EXPECT_TRUE(is_pattern(here().received));
}

TEST_P(StreamReading, R1_nothing_is_called_where_nothing_arrives) {
  connect_raw();
  rig().run_until_quiet();
  EXPECT_EQ(here().data_count + here().updated_count + here().eof_count, 0);
}

// --- R2 ------------------------------------------------------------------------------------------

TEST_P(StreamReading, R2_paused_inside_connection_made_nothing_is_delivered_until_resumed) {
  connect_raw([&] {
    here().on.connection_made = [&] { here().pause_reading(); };
    peer().send("was there before");
  });
  send_and_wait(" and after");
  EXPECT_EQ(here().received, "");
  EXPECT_EQ(here().get_buffer_count, 0);
  here().resume_reading();
  EXPECT_EQ(here().received, "") << "delivered inside resume_reading";
  run_until_received(26);
  EXPECT_EQ(here().received, "was there before and after");
}

TEST_P(StreamReading, R2_paused_inside_the_callback_that_receives_no_more_is_delivered) {
  connect_raw([&] { here().buffer_size_bytes = 1000; });
  const std::size_t size = 1'000'000;
  std::size_t at_pause = 0;
  here().on.some_received = [&] {
    here().pause_reading();
    at_pause = here().received.size();
  };
  const std::size_t sent = peer().send_some(pattern(size));
  rig().run_until([&] { return at_pause > 0; });
  rig().run_until_quiet();
  EXPECT_EQ(here().received.size(), at_pause);
  here().on.some_received = nullptr;
  here().resume_reading();
  run_until_received(sent);
  EXPECT_TRUE(is_pattern(here().received));
}

TEST_P(StreamReading, R2_paused_and_resumed_for_every_piece_nothing_is_lost) {
  connect_raw([&] { here().buffer_size_bytes = 3000; });
  here().on.some_received = [&] {
    here().pause_reading();
    loop().call_soon([&] { here().resume_reading(); });
  };
  const std::size_t sent = peer().send_some(pattern(500'000));
  run_until_received(sent);
  EXPECT_TRUE(is_pattern(here().received));
  rig().run_rounds(3);  // the last resume_reading
}

TEST_P(StreamReading, R2_paused_and_resumed_inside_one_callback_nothing_is_lost) {
  connect_raw([&] { here().buffer_size_bytes = 3000; });
  here().on.some_received = [&] {
    here().pause_reading();
    here().resume_reading();
  };
  const std::size_t sent = peer().send_some(pattern(500'000));
  run_until_received(sent);
  EXPECT_TRUE(is_pattern(here().received));
}

TEST_P(StreamReading, R2_paused_outside_of_callbacks_with_bytes_waiting_already) {
  connect_raw();
  peer().send("waiting");
  here().pause_reading();
  send_and_wait(" longer");
  EXPECT_EQ(here().received, "");
  rig().in_loop([&] {
    here().resume_reading();
    EXPECT_EQ(here().received, "");
  });
  run_until_received(14);
  EXPECT_EQ(here().received, "waiting longer");
}

TEST_P(StreamReading, R2_paused_by_a_callback_of_the_same_iteration_in_which_bytes_arrive) {
  connect_raw();
  rig().in_loop([&] {
    peer().send("at the same time");
    here().pause_reading();
  });
  rig().run_until_quiet();
  EXPECT_EQ(here().received, "");
  here().resume_reading();
  run_until_received(16);
}

TEST_P(StreamReading, R2_pausing_and_resuming_again_and_again_are_idempotent) {
  connect_raw();
  here().resume_reading();
  here().pause_reading();
  here().pause_reading();
  send_and_wait("x");
  EXPECT_EQ(here().received, "");
  here().resume_reading();
  here().resume_reading();
  run_until_received(1);
  send_and_wait("y");
  EXPECT_EQ(here().received, "xy");
}

TEST_P(StreamReading, R2_the_end_of_file_is_not_reported_while_paused) {
  connect_raw();
  here().pause_reading();
  peer().send("body");
  peer().shutdown_write();
  rig().run_until_quiet();
  EXPECT_EQ(here().eof_count, 0);
  EXPECT_FALSE(here().transport().is_closing());
  here().resume_reading();
  run_until_lost();
  EXPECT_EQ(here().received, "body");
  EXPECT_EQ(here().eof_count, 1);
}

TEST_P(StreamReading, R2_a_pause_in_the_last_data_holds_the_end_of_file_back) {
  connect_raw();
  here().on.some_received = [&] { here().pause_reading(); };
  peer().send("last");
  peer().close();
  rig().run_until([&] { return here().received == "last"; });
  rig().run_until_quiet();
  EXPECT_EQ(here().eof_count, 0);
  EXPECT_EQ(here().lost_count, 0);
  here().resume_reading();
  run_until_lost();
  EXPECT_EQ(here().eof_count, 1);
  EXPECT_FALSE(here().reason) << here().reason.message();
}

TEST_P(StreamReading, R2_both_are_without_effect_when_closing) {
  connect_raw();
  fill_kernel();
  here().close();
  here().pause_reading();
  EXPECT_FALSE(here().transport().is_reading());
  here().resume_reading();
  EXPECT_FALSE(here().transport().is_reading());
  send_and_wait("not wanted");
  EXPECT_EQ(here().received, "");
  here().abort();
  here().resume_reading();
  here().pause_reading();
  run_until_lost();
  here().resume_reading();
  EXPECT_FALSE(here().transport().is_reading());
}

TEST_P(StreamReading, R2_closing_while_paused_ends_the_connection) {
  for (const bool aborts : {false, true}) {
    connect_raw();
    here().pause_reading();
    send_and_wait("never read");
    aborts ? here().abort() : here().close();
    run_until_lost();
    EXPECT_EQ(here().received, "");
    EXPECT_FALSE(here().reason);
  }
}

TEST_P(StreamReading, R2_writing_goes_on_while_reading_is_paused) {
  connect_raw();
  here().pause_reading();
  const std::size_t filled = fill_kernel();
  here().write(pattern(1000, filled));
  rig().run_until([&] { return peer().has(filled + 1000); });
  EXPECT_TRUE(is_pattern(peer().received));
}

TEST_P(StreamReading, R2_a_paused_transport_holds_the_sender_up_rather_than_bytes) {
  constexpr std::size_t kMoreThanKernelsKeepBytes = std::size_t{32} * 1024 * 1024;
  connect_raw();
  here().pause_reading();
  std::size_t sent = 0;
  for (int stuck = 0; stuck < 50 && sent < kMoreThanKernelsKeepBytes;) {
    const std::size_t count = peer().send_some(pattern(100'000, sent));
    sent += count;
    stuck = count == 0 ? stuck + 1 : 0;
    rig().run_rounds(1);
  }
  EXPECT_LT(sent, kMoreThanKernelsKeepBytes);
  here().resume_reading();
  run_until_received(sent);
  EXPECT_TRUE(is_pattern(here().received));
}

TEST_P(StreamReading, R2_a_reset_while_paused_is_noticed_when_resumed_at_the_latest) {
  connect_raw();
  here().pause_reading();
  reset_by_peer();
  rig().run_until_quiet();
  if (!here().lost()) here().resume_reading();
  run_until_lost();
  EXPECT_EQ(here().reason.code(), std::errc::connection_reset) << here().reason.message();
}

INSTANTIATE_TEST_SUITE_P(Streams, StreamReading, ::testing::ValuesIn(each_receiver()), name_of);

}  // namespace
}  // namespace tidegate::contract
