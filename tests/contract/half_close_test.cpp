// Ending the own direction: W5.
#include "contract/contract_test.hpp"

#include <string>

namespace tidegate::contract {
namespace {

constexpr const char* kAfterEof = "Cannot call write() after write_eof()";

class HalfClose : public ContractTest {};

TEST_P(HalfClose, W5_the_peer_sees_the_end_after_all_buffered_bytes) {
  connect_raw();
  EXPECT_TRUE(here().transport().can_write_eof());
  const std::size_t written = fill_kernel();
  here().write_eof();
  rig().run_until([&] { return peer().at_end(); });
  EXPECT_TRUE(peer().saw_eof);
  EXPECT_EQ(peer().received.size(), written);
  EXPECT_TRUE(is_pattern(peer().received));
  rig().run_until_quiet();
  EXPECT_FALSE(here().transport().is_closing());
}

TEST_P(HalfClose, W5_the_peer_sees_the_end_after_what_the_same_callback_wrote) {
  connect_raw();
  rig().in_loop([&] {
    here().write("last ");
    here().write(Chunk(std::string("words")));
    here().write_eof();
  });
  rig().run_until([&] { return peer().at_end(); });
  EXPECT_EQ(peer().received, "last words");
  EXPECT_TRUE(peer().saw_eof);
}

TEST_P(HalfClose, W5_with_nothing_buffered_the_peer_sees_the_end_at_once) {
  connect_raw();
  here().write_eof();
  rig().run_until([&] { return peer().at_end(); });
  EXPECT_EQ(peer().received, "");
  EXPECT_TRUE(peer().saw_eof);
}

TEST_P(HalfClose, W5_data_is_still_received_afterwards) {
  connect_raw();
  here().write("question");
  here().write_eof();
  rig().run_until([&] { return peer().at_end(); });
  peer().send(pattern(50'000));
  rig().run_until([&] { return here().received.size() == 50'000; });
  EXPECT_TRUE(is_pattern(here().received));
  here().pause_reading();
  peer().send("more");
  rig().run_until_quiet();
  EXPECT_EQ(here().received.size(), 50'000U);
  here().resume_reading();
  rig().run_until([&] { return here().received.size() == 50'004; });
  peer().close();
  run_until_lost();
  EXPECT_EQ(here().eof_count, 1);
  EXPECT_FALSE(here().reason) << here().reason.message();
}

TEST_P(HalfClose, W5_doing_it_again_changes_nothing) {
  connect_raw();
  const std::size_t written = fill_kernel();
  here().write_eof();
  here().write_eof();
  rig().in_loop([&] { here().write_eof(); });
  rig().run_until([&] { return peer().at_end(); });
  here().write_eof();
  EXPECT_EQ(peer().received.size(), written);
  rig().run_until_quiet();
  EXPECT_EQ(here().lost_count, 0);
}

TEST_P(HalfClose, W5_it_is_without_effect_when_closing) {
  connect_raw();
  const std::size_t written = fill_kernel();
  here().close();
  here().write_eof();
  EXPECT_NO_THROW(here().write(pattern(100, written))) << "no end was written, so W3 holds";
  rig().run_until([&] { return peer().at_end(); });
  EXPECT_EQ(peer().received.size(), written + 100);
  run_until_lost();
  EXPECT_NO_THROW(here().write_eof());
}

TEST_P(HalfClose, W5_a_write_after_it_is_an_error_and_sends_nothing) {
  for (const bool full : {false, true}) {
    connect_raw();
    const std::size_t written = full ? fill_kernel() : 0;
    here().write_eof();
    EXPECT_EQ(thrown_text<InvalidStateError>([&] { here().write("x"); }), kAfterEof);
    EXPECT_EQ(thrown_text<InvalidStateError>([&] { here().write(Chunk(std::string("x"))); }), kAfterEof);
    rig().run_until([&] { return peer().at_end(); });
    EXPECT_EQ(thrown_text<InvalidStateError>([&] { here().write("x"); }), kAfterEof);
    EXPECT_EQ(peer().received.size(), written);
    EXPECT_FALSE(here().transport().is_closing());
  }
}

TEST_P(HalfClose, W5_closing_while_the_end_is_still_owed_flushes_first) {
  connect_raw();
  const std::size_t written = fill_kernel();
  here().write_eof();
  here().close();
  rig().run_until([&] { return peer().at_end(); });
  EXPECT_TRUE(peer().saw_eof);
  EXPECT_EQ(peer().received.size(), written);
  run_until_lost();
  EXPECT_FALSE(here().reason) << here().reason.message();
}

TEST_P(HalfClose, W5_aborting_while_the_end_is_still_owed) {
  connect_raw();
  const std::size_t written = fill_kernel();
  here().write_eof();
  here().abort();
  run_until_lost();
  EXPECT_FALSE(here().reason);
  rig().run_until([&] { return peer().at_end(); });
  EXPECT_LT(peer().received.size(), written);
}

TEST_P(HalfClose, W5_a_reset_while_the_end_is_still_owed) {
  connect_raw();
  fill_kernel();
  here().write_eof();
  peer().reset();
  run_until_lost();
  EXPECT_TRUE(here().reason);
}

TEST_P(HalfClose, W5_F1_resume_writing_still_comes_when_the_rest_drains) {
  connect_raw();
  const std::size_t written = fill_kernel();
  here().set_limits({.high = 0});
  EXPECT_EQ(here().pause_count, 1);
  here().write_eof();
  rig().run_until([&] { return peer().at_end(); });
  EXPECT_EQ(peer().received.size(), written);
  rig().run_until([&] { return here().resume_count == 1; });
}

TEST_P(HalfClose, W5_write_eof_inside_pause_writing_and_resume_writing) {
  connect_raw();
  const std::size_t written = fill_kernel();
  here().on.pause_writing = [&] { here().write_eof(); };
  here().on.resume_writing = [&] { here().write_eof(); };
  here().set_limits({.high = 0});
  rig().run_until([&] { return peer().at_end(); });
  EXPECT_EQ(peer().received.size(), written);

  connect_raw();
  const std::size_t again = fill_kernel();
  here().on.resume_writing = [&] { here().write_eof(); };
  here().set_limits({.high = 0});
  rig().run_until([&] { return peer().at_end(); });
  EXPECT_EQ(peer().received.size(), again);
  rig().run_until_quiet();
  EXPECT_EQ(here().lost_count, 0);
}

TEST_P(HalfClose, W5_a_protocol_that_answers_eof_with_eof_ends_both_sides_in_order) {
  connect_pair();
  there().on.eof_received = [&] {
    there().write("goodbye");
    return false;
  };
  here().write("hello");
  here().write_eof();
  rig().run_until([&] { return here().lost() && there().lost(); });
  EXPECT_EQ(there().received, "hello");
  EXPECT_EQ(here().received, "goodbye");
  EXPECT_FALSE(here().reason) << here().reason.message();
  EXPECT_FALSE(there().reason) << there().reason.message();
}

INSTANTIATE_TEST_SUITE_P(Streams, HalfClose, ::testing::ValuesIn(without_tls(each_side())), name_of);

}  // namespace
}  // namespace tidegate::contract
