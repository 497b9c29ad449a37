// The end of a TLS connection with a peer that does not play by the rules (contract T2, T3, T8, L2-L5): mute,
// gone, cut, talkative.
#include "contract/tls_rig.hpp"

#include <algorithm>
#include <string>

namespace tidegate::contract {
namespace {

using testing::AlertKind;

const std::error_code kReset(ECONNRESET, std::system_category());

class TlsHostileEnd : public TlsSidesTest {
 protected:
  void connect_with(int version) {
    connect({.peer = {.minimum_version = version, .maximum_version = version}});
  }
  [[nodiscard]] long times_called(const char* name) const {
    return std::count(here().calls.begin(), here().calls.end(), name);
  }
  /// Writes until a peer that does not read leaves so much here.
  void fill() {
    constexpr std::size_t kLeftBytes = 200'000;
    transport().set_write_buffer_limits({.high = std::size_t{1} << 30U});
    ASSERT_TRUE(reach_without_peer([this] {
      transport().write(std::string(65'536, 'f'));
      return transport().get_write_buffer_size() > kLeftBytes;
    }));
  }

  static constexpr std::array kVersions{TLS1_2_VERSION, TLS1_3_VERSION};
  static constexpr std::chrono::milliseconds kShort{40};
};

INSTANTIATE_TEST_SUITE_P(Tls, TlsHostileEnd, ::testing::Values(Side::connecting, Side::accepted),
                         name_of_side);

// --- ends that the peer makes --------------------------------------------------------------------

TEST_P(TlsHostileEnd, T3_a_close_notify_is_a_regular_end_of_file) {
  for (const int version : kVersions) {
    connect_with(version);
    peer().send("all of it");
    peer().close();
    expect_lost({});
    EXPECT_EQ(here().received, "all of it");
    EXPECT_EQ(times_called("eof"), 1);
  }
}

TEST_P(TlsHostileEnd, T3_an_end_of_file_without_close_notify_is_a_truncation) {
  for (const int version : kVersions) {
    for (const bool closed : {true, false}) {
      connect_with(version);
      peer().send("is this all?");
      closed ? peer().close_wire() : peer().end_wire();
      expect_lost(TlsErrc::truncated);
      EXPECT_EQ(here().received, "is this all?");
      EXPECT_EQ(times_called("eof"), 0);
    }
  }
}

TEST_P(TlsHostileEnd, T3_an_end_of_file_inside_a_record_is_a_truncation) {
  connect();
  const std::string record = peer().seal("never seen");
  for (const std::size_t cut : {std::size_t{1}, std::size_t{4}, std::size_t{5}, record.size() - 1}) {
    connect();
    peer().send("seen");
    peer().send_as_is(peer().seal("never seen").substr(0, cut));
    peer().end_wire();
    expect_lost(TlsErrc::truncated);
    EXPECT_EQ(here().received, "seen");
  }
}

TEST_P(TlsHostileEnd, T3_a_truncation_while_reading_is_paused_is_told_after_the_data) {
  connect();
  transport().pause_reading();
  for (int times = 0; times < 10; ++times) step();
  peer().send("kept");
  peer().end_wire();
  for (int times = 0; times < 50; ++times) step();
  EXPECT_FALSE(here().lost);
  transport().resume_reading();
  expect_lost(TlsErrc::truncated);
  EXPECT_EQ(here().received, "kept");
}

TEST_P(TlsHostileEnd, L3_a_reset_is_told_as_one) {
  connect();
  peer().reset();
  expect_lost(kReset);
  EXPECT_EQ(times_called("eof"), 0);
}

TEST_P(TlsHostileEnd, T3_data_behind_a_close_notify_is_no_data) {
  connect();
  peer().send("before");
  const std::string late = "behind it";
  peer().tls().close();
  peer().flush();
  peer().send_as_is(testing::plain_record(testing::RecordType::application_data, late));
  peer().end_wire();
  expect_lost({});
  EXPECT_EQ(here().received, "before");
}

TEST_P(TlsHostileEnd, T3_what_was_written_before_the_peer_said_goodbye_reaches_it) {
  for (const int version : kVersions) {
    const std::string much(300'000, 'm');
    connect_with(version);
    transport().write(much);
    peer().shutdown_write();
    EXPECT_FALSE(run_until_lost());
    ASSERT_TRUE(reach([this] { return peer().wire_has_ended(); }));
    EXPECT_EQ(peer().received.size(), much.size());
    EXPECT_TRUE(peer().saw_close_notify());
  }
}

// --- ends that we make ---------------------------------------------------------------------------

TEST_P(TlsHostileEnd, T3_close_flushes_says_close_notify_and_waits_for_the_answer) {
  for (const int version : kVersions) {
    const std::string much(300'000, 'm');
    connect_with(version);
    transport().write(much);
    transport().close();
    transport().close();
    ASSERT_TRUE(reach([this] { return peer().saw_eof; }));
    EXPECT_EQ(peer().received.size(), much.size());
    EXPECT_TRUE(peer().saw_close_notify());
    EXPECT_FALSE(here().lost);
    peer().shutdown_write();
    expect_lost({});
    EXPECT_EQ(times_called("eof"), 0);
  }
}

TEST_P(TlsHostileEnd, T8_a_peer_that_is_mute_at_the_end_is_given_up) {
  for (const int version : kVersions) {
    connect({.peer = {.minimum_version = version, .maximum_version = version}, .shutdown_timeout = kShort});
    const TimePoint closed = loop().time();
    transport().close();
    ASSERT_TRUE(reach_without_peer([this] { return here().lost; }));
    EXPECT_GE(loop().time() - closed, kShort);
    expect_lost(TlsErrc::shutdown_timed_out);
    EXPECT_EQ(here().lost_reason.code(), std::errc::timed_out);
  }
}

TEST_P(TlsHostileEnd, T8_a_peer_that_does_not_take_what_is_left_is_given_up) {
  connect({.shutdown_timeout = kShort});
  fill();
  transport().close();
  ASSERT_TRUE(reach_without_peer([this] { return here().lost; }));
  expect_lost(TlsErrc::shutdown_timed_out);
}

TEST_P(TlsHostileEnd, T8_a_peer_that_goes_on_talking_is_not_listened_to_for_ever) {
  // A pair of sockets holds little, so that what is taken was read by us.
  constexpr std::size_t kMostBytes = std::size_t{2} * 1024 * 1024;
  begin_on_pair({.shutdown_timeout = std::chrono::milliseconds(200)});
  shake_hands();
  peer().send("heard ");
  ASSERT_TRUE(reach([this] { return here().received == "heard "; }));
  transport().close();
  std::size_t taken = 0;
  ASSERT_TRUE(reach_without_peer([&] {
    taken += peer().send_some(std::string(16384, 't'));
    return here().lost;
  }));
  EXPECT_LT(taken, kMostBytes);
  EXPECT_EQ(here().received, "heard ");
  const Error reason = run_until_lost();
  EXPECT_TRUE(!reason || reason.code() == TlsErrc::shutdown_timed_out) << reason.message();
}

TEST_P(TlsHostileEnd, T8_what_comes_after_close_is_not_delivered) {
  connect();
  transport().close();
  peer().send("too late");
  ASSERT_TRUE(reach([this] { return peer().saw_eof; }));
  peer().send("far too late");
  peer().shutdown_write();
  expect_lost({});
  EXPECT_EQ(here().received, "");
}

TEST_P(TlsHostileEnd, T8_ends_of_the_peer_while_ours_is_under_way) {
  enum class Way { close_notify, end_of_file, closed, reset, garbage, fatal_alert };
  for (const Way way :
       {Way::close_notify, Way::end_of_file, Way::closed, Way::reset, Way::garbage, Way::fatal_alert}) {
    for (const bool was_told : {false, true}) {
      SCOPED_TRACE(std::to_string(static_cast<int>(way)) + (was_told ? " told" : " not told"));
      connect({.peer = {.session_tickets = 0}});
      transport().close();
      if (was_told) {
        ASSERT_TRUE(reach([this] { return peer().saw_eof; }));
      }
      switch (way) {
        case Way::close_notify:
          peer().shutdown_write();
          break;
        case Way::end_of_file:
          peer().end_wire();
          break;
        case Way::closed:
          peer().close_wire();
          break;
        case Way::reset:
          peer().reset();
          break;
        case Way::garbage:
          peer().send_as_is("and another thing");
          break;
        case Way::fatal_alert:
          peer().send_as_is(
              peer().tls().forge(testing::RecordType::alert,
                                 testing::alert(testing::AlertLevel::fatal, AlertKind::internal_error)));
          break;
      }
      const Error reason = run_until_lost();
      // All that we had to say has left: how the other end goes is its own affair (L3, L4). What it says
      // wrongly is told.
      if (way != Way::garbage && way != Way::fatal_alert) {
        EXPECT_FALSE(reason) << reason.message();
      }
    }
  }
}

TEST_P(TlsHostileEnd, L3_a_reset_that_takes_what_was_still_to_be_sent_is_told) {
  connect();
  fill();
  transport().close();
  peer().reset();
  const Error reason = run_until_lost();
  // Whichever of receiving and sending comes upon it.
  const std::error_code broken(EPIPE, std::system_category());
  EXPECT_TRUE(reason.code() == kReset || reason.code() == broken) << reason.message();
}

// --- closing and aborting, in every state --------------------------------------------------------

TEST_P(TlsHostileEnd, L5_abort_ends_it_in_every_state_of_the_end) {
  enum class State { made, open, closing_with_data, closing, told, peer_has_ended };
  for (const State state : {State::made, State::open, State::closing_with_data, State::closing, State::told,
                            State::peer_has_ended}) {
    SCOPED_TRACE(static_cast<int>(state));
    if (state == State::made) {
      begin({.on_made = [](loop_rig::Recorder& made) { made.transport->abort(); }});
      ASSERT_TRUE(reach([this] { return was_made() && here().lost; }));
      expect_lost({});
      continue;
    }
    connect();
    if (state == State::closing_with_data) fill();
    if (state >= State::closing_with_data && state != State::peer_has_ended) transport().close();
    if (state == State::told) {
      ASSERT_TRUE(reach([this] { return peer().saw_eof; }));
    }
    if (state == State::peer_has_ended) {
      fill();
      peer().shutdown_write();
      ASSERT_TRUE(reach_without_peer([this] { return times_called("eof") == 1; }));
    }
    const TransportRef kept = here().transport;
    kept->abort();
    EXPECT_TRUE(kept->is_closing());
    EXPECT_FALSE(here().lost) << "connection_lost came from inside abort()";
    expect_lost({});
    kept->abort();
    kept->close();
    kept->write("nothing comes of it");
  }
}

TEST_P(TlsHostileEnd, L4_close_in_every_callback) {
  begin({.on_made = [](loop_rig::Recorder& made) {
    made.transport->write("farewell");
    made.transport->close();
  }});
  ASSERT_TRUE(reach([this] { return peer().saw_eof; }));
  EXPECT_EQ(peer().received, "farewell");
  EXPECT_TRUE(peer().saw_close_notify());
  peer().shutdown_write();
  expect_lost({});

  int pieces = 0;
  connect({.on_data = [&pieces](loop_rig::Recorder& told) {
    ++pieces;
    told.transport->close();
  }});
  const std::string much(300'000, 'm');
  std::size_t sent = 0;
  ASSERT_TRUE(reach([&] {
    sent += peer().send_some(BytesView(much).drop(sent));
    return peer().saw_eof;
  }));
  peer().shutdown_write();
  expect_lost({});
  EXPECT_EQ(pieces, 1);
}

}  // namespace
}  // namespace tidegate::contract
