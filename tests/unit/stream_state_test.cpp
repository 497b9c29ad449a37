// The life of a stream transport as a table: every transition from every phase, and what may be done there.
#include "transport/stream_state.hpp"

#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace tidegate::transport {
namespace {

/// Where a test begins: the phases, each with its protocol told of the connection and not told.
enum class Start { made, open, closing_unopened, closing, lost_unopened, lost, ended_unopened, ended };

constexpr Start kStarts[] = {Start::made,          Start::open, Start::closing_unopened, Start::closing,
                             Start::lost_unopened, Start::lost, Start::ended_unopened,   Start::ended};

constexpr bool is_told(Start start) {
  return start == Start::open || start == Start::closing || start == Start::lost || start == Start::ended;
}
constexpr bool is_alive(Start start) { return start == Start::made || start == Start::open; }
constexpr bool is_over(Start start) {
  return start == Start::lost_unopened || start == Start::lost || start == Start::ended_unopened ||
         start == Start::ended;
}
constexpr bool has_ended(Start start) { return start == Start::ended_unopened || start == Start::ended; }

StreamState state_at(Start start) {
  StreamState state;
  if (is_told(start)) static_cast<void>(state.open());
  if (start == Start::closing || start == Start::closing_unopened) static_cast<void>(state.begin_closing());
  if (is_over(start)) static_cast<void>(state.lose());
  if (has_ended(start)) state.end();
  return state;
}

class StreamStateFrom : public testing::TestWithParam<Start> {
 protected:
  StreamState state = state_at(GetParam());
};

TEST_P(StreamStateFrom, the_questions_about_the_phase_agree) {
  EXPECT_EQ(state.opened(), is_told(GetParam()));
  EXPECT_EQ(state.is_closing(), !is_alive(GetParam()));
  EXPECT_EQ(state.is_lost(), is_over(GetParam()));
  EXPECT_EQ(state.is_ended(), has_ended(GetParam()));
}

TEST_P(StreamStateFrom, L1_opening_is_refused_once_it_is_over) {
  EXPECT_EQ(state.open(), !is_over(GetParam()));
  EXPECT_EQ(state.opened(), is_told(GetParam()) || !is_over(GetParam()));
}

TEST_P(StreamStateFrom, L4_closing_begins_once_and_only_from_alive) {
  EXPECT_EQ(state.begin_closing(), is_alive(GetParam()));
  EXPECT_TRUE(state.is_closing());
  EXPECT_FALSE(state.begin_closing());
  EXPECT_EQ(state.is_lost(), is_over(GetParam()));
}

TEST_P(StreamStateFrom, L2_the_connection_is_lost_once) {
  EXPECT_EQ(state.lose(), !is_over(GetParam()));
  EXPECT_FALSE(state.lose());
  EXPECT_TRUE(state.is_lost());
  EXPECT_TRUE(state.is_closing());
  EXPECT_EQ(state.is_ended(), has_ended(GetParam()));
}

TEST_P(StreamStateFrom, the_end_is_the_end_from_everywhere) {
  state.end();
  EXPECT_TRUE(state.is_ended());
  EXPECT_TRUE(state.is_lost());
  EXPECT_TRUE(state.is_closing());
  EXPECT_FALSE(state.open());
  EXPECT_FALSE(state.begin_closing());
  EXPECT_FALSE(state.lose());
  EXPECT_FALSE(state.wants_data());
  EXPECT_EQ(state.opened(), is_told(GetParam()));
}

TEST_P(StreamStateFrom, R2_reading_pauses_and_resumes_only_while_alive) {
  const bool alive = is_alive(GetParam());
  EXPECT_EQ(state.is_reading(), alive);
  EXPECT_FALSE(state.resume_reading()) << "it was not paused";
  EXPECT_EQ(state.pause_reading(), alive);
  EXPECT_FALSE(state.pause_reading()) << "paused already, or closing";
  EXPECT_FALSE(state.is_reading());
  EXPECT_EQ(state.reading_paused(), alive);
  EXPECT_EQ(state.resume_reading(), alive);
  EXPECT_FALSE(state.resume_reading());
  EXPECT_EQ(state.is_reading(), alive);
}

TEST_P(StreamStateFrom, R2_a_pause_does_not_outlast_the_closing_and_cannot_be_resumed_then) {
  static_cast<void>(state.pause_reading());
  static_cast<void>(state.begin_closing());
  EXPECT_FALSE(state.resume_reading());
  EXPECT_FALSE(state.is_reading());
}

TEST_P(StreamStateFrom, R3_the_end_of_file_is_received_once) {
  EXPECT_FALSE(state.eof_received());
  EXPECT_TRUE(state.receive_eof());
  EXPECT_FALSE(state.receive_eof());
  EXPECT_TRUE(state.eof_received());
  EXPECT_FALSE(state.wants_data());
}

TEST_P(StreamStateFrom, data_is_wanted_only_by_an_open_connection_that_reads) {
  EXPECT_EQ(state.wants_data(), GetParam() == Start::open);
  static_cast<void>(state.pause_reading());
  EXPECT_FALSE(state.wants_data());
  static_cast<void>(state.resume_reading());
  EXPECT_EQ(state.wants_data(), GetParam() == Start::open);
}

TEST_P(StreamStateFrom, W5_the_end_of_file_is_requested_once_and_only_while_alive) {
  EXPECT_EQ(state.request_eof(), is_alive(GetParam()));
  EXPECT_FALSE(state.request_eof());
  EXPECT_EQ(state.eof_requested(), is_alive(GetParam()));
}

TEST_P(StreamStateFrom, W5_an_end_of_file_that_is_owed_is_sent_once) {
  EXPECT_FALSE(state.take_owed_eof()) << "nobody asked for it";
  const bool owed = state.request_eof();
  EXPECT_EQ(state.take_owed_eof(), owed);
  EXPECT_FALSE(state.take_owed_eof());
}

TEST_P(StreamStateFrom, W5_an_end_of_file_that_is_owed_survives_the_closing_but_not_the_loss) {
  StreamState closing = state;
  const bool owed = closing.request_eof();
  static_cast<void>(closing.begin_closing());
  EXPECT_EQ(closing.take_owed_eof(), owed);

  static_cast<void>(state.request_eof());
  static_cast<void>(state.lose());
  EXPECT_FALSE(state.take_owed_eof());
}

TEST_P(StreamStateFrom, W3_the_fifth_ignored_write_is_worth_a_warning) {
  for (int write = 1; write <= 4; ++write) EXPECT_FALSE(state.ignore_write()) << write;
  for (int write = 5; write <= 600; ++write) EXPECT_TRUE(state.ignore_write()) << write;
}

std::string name_of_start(const testing::TestParamInfo<Start>& start) {
  constexpr const char* kNames[] = {"made",          "open", "closing_unopened", "closing",
                                    "lost_unopened", "lost", "ended_unopened",   "ended"};
  return kNames[static_cast<std::size_t>(start.param)];
}

INSTANTIATE_TEST_SUITE_P(every_phase, StreamStateFrom, testing::ValuesIn(kStarts), name_of_start);

TEST(StreamState, L6_goes_only_forward_whatever_is_asked_of_it) {
  std::mt19937 random(1);
  for (int life = 0; life < 20'000; ++life) {
    StreamState state;
    int losses = 0;
    int phase = 0;
    for (int step = 0; step < 12; ++step) {
      switch (random() % 9) {
        case 0:
          static_cast<void>(state.open());
          break;
        case 1:
          static_cast<void>(state.begin_closing());
          break;
        case 2:
          losses += state.lose() ? 1 : 0;
          break;
        case 3:
          if (state.is_lost()) state.end();
          break;
        case 4:
          static_cast<void>(state.pause_reading());
          break;
        case 5:
          static_cast<void>(state.resume_reading());
          break;
        case 6:
          static_cast<void>(state.receive_eof());
          break;
        case 7:
          static_cast<void>(state.request_eof());
          break;
        default:
          static_cast<void>(state.take_owed_eof());
          break;
      }
      const int now = state.is_ended() ? 3 : state.is_lost() ? 2 : state.is_closing() ? 1 : 0;
      ASSERT_GE(now, phase);
      phase = now;
      ASSERT_FALSE(state.is_closing() && (state.is_reading() || state.wants_data()));
    }
    ASSERT_LE(losses, 1);
    ASSERT_EQ(losses == 1, phase >= 2);
  }
}

// --- files ---------------------------------------------------------------------------------------

TEST(StreamStateOfAFile, N1_while_it_is_being_sent_a_write_is_no_plain_one) {
  StreamState state;
  EXPECT_TRUE(state.open());
  state.begin_file();
  EXPECT_TRUE(state.sends_file());
  EXPECT_FALSE(state.writes_plainly()) << "the short way of a write must not be taken";
  EXPECT_TRUE(state.is_reading());
  EXPECT_FALSE(state.is_closing());
  state.end_file();
  EXPECT_FALSE(state.sends_file());
  EXPECT_TRUE(state.writes_plainly());
}

TEST(StreamStateOfAFile, N1_a_connection_that_has_ended_meanwhile_stays_ended) {
  StreamState state;
  EXPECT_TRUE(state.open());
  state.begin_file();
  EXPECT_TRUE(state.begin_closing());
  state.end_file();
  EXPECT_FALSE(state.writes_plainly());
  EXPECT_TRUE(state.is_closing());
}

// --- pipes ---------------------------------------------------------------------------------------

TEST(StreamStateOfAPipe, the_reading_end_reads_and_has_no_plain_writes) {
  StreamState state(Direction::read);
  EXPECT_TRUE(state.is_pipe());
  EXPECT_TRUE(state.reads());
  EXPECT_FALSE(state.writes());
  EXPECT_FALSE(state.writes_plainly()) << "the short way of a write must not be taken";
  EXPECT_TRUE(state.is_reading());
  EXPECT_FALSE(state.wants_data());
  EXPECT_TRUE(state.open());
  EXPECT_TRUE(state.wants_data());
  EXPECT_FALSE(state.is_closing());
}

TEST(StreamStateOfAPipe, W3_the_writing_end_never_reads_and_ignores_writes_from_closing_on) {
  StreamState state(Direction::write);
  EXPECT_TRUE(state.is_pipe());
  EXPECT_FALSE(state.reads());
  EXPECT_TRUE(state.writes());
  EXPECT_TRUE(state.open());
  EXPECT_FALSE(state.is_reading());
  EXPECT_FALSE(state.wants_data());
  EXPECT_TRUE(state.writes_plainly());
  EXPECT_FALSE(state.ignores_writes());
  EXPECT_TRUE(state.begin_closing());
  EXPECT_TRUE(state.ignores_writes());
}

TEST(StreamStateOfAPipe, W3_a_socket_still_takes_writes_while_it_is_closing) {
  StreamState state;
  EXPECT_FALSE(state.is_pipe());
  EXPECT_TRUE(state.begin_closing());
  EXPECT_FALSE(state.ignores_writes());
  EXPECT_TRUE(state.lose());
  EXPECT_TRUE(state.ignores_writes());
}

}  // namespace
}  // namespace tidegate::transport
