// The rules by which two ends feed each other, with ends that only write down what they are asked.
#include <tidegate/bytes.hpp>
#include <tidegate/error.hpp>

#include "relay/pair.hpp"

#include <memory>
#include <string>
#include <system_error>

#include <gtest/gtest.h>

namespace {

using tidegate::BytesView;
using tidegate::Error;
using tidegate::cli::relay::End;
using tidegate::cli::relay::Level;
using tidegate::cli::relay::Pair;
using tidegate::cli::relay::Side;

/// Writes down what it is asked, one word each.
class RecordingSide final : public Side {
 public:
  enum class Ways { both, only_reads, only_writes };

  explicit RecordingSide(Ways ways) : ways_(ways) {}

  [[nodiscard]] bool reads() const noexcept override { return ways_ != Ways::only_writes; }
  [[nodiscard]] bool writes() const noexcept override { return ways_ != Ways::only_reads; }
  void write(BytesView data) override {
    asked_ += "write:" + std::string(reinterpret_cast<const char*>(data.data()), data.size()) + ' ';
  }
  void end_writing() override { asked_ += "end "; }
  void pause_reading() override { asked_ += "pause "; }
  void resume_reading() override { asked_ += "resume "; }
  [[nodiscard]] bool ends_as_a_whole() const noexcept override { return ends_as_a_whole_; }
  void close() override { asked_ += "close "; }
  void cut() override { asked_ += "cut "; }
  void abort() override { asked_ += "abort "; }
  [[nodiscard]] Level level() const noexcept override { return {7, 64}; }

  void can_only_end_as_a_whole() noexcept { ends_as_a_whole_ = true; }
  /// What it was asked since the last time.
  [[nodiscard]] std::string asked() {
    std::string taken;
    taken.swap(asked_);
    if (!taken.empty()) taken.pop_back();
    return taken;
  }

 private:
  Ways ways_;
  std::string asked_;
  bool ends_as_a_whole_ = false;
};

using Ways = RecordingSide::Ways;

class RelayPair : public testing::Test {
 protected:
  void join(Ways from_ways = Ways::both, Ways to_ways = Ways::both) {
    from_ = std::make_shared<RecordingSide>(from_ways);
    to_ = std::make_shared<RecordingSide>(to_ways);
    pair_.join(End::from, from_);
    pair_.join(End::to, to_);
  }
  void join_and_forget_how() {
    join();
    static_cast<void>(from_->asked());
    static_cast<void>(to_->asked());
  }

  static Error reset() { return Error(std::make_error_code(std::errc::connection_reset), "recv"); }

  int times_told_ = 0;
  Pair pair_{[this] { ++times_told_; }};
  std::shared_ptr<RecordingSide> from_;
  std::shared_ptr<RecordingSide> to_;
};

// --- joining ---------------------------------------------------------------------------------------

TEST_F(RelayPair, nobody_is_read_before_both_are_there) {
  from_ = std::make_shared<RecordingSide>(Ways::both);
  pair_.join(End::from, from_);
  EXPECT_EQ(from_->asked(), "");
  to_ = std::make_shared<RecordingSide>(Ways::both);
  pair_.join(End::to, to_);
  EXPECT_EQ(from_->asked(), "resume");
  EXPECT_EQ(to_->asked(), "resume");
}

TEST_F(RelayPair, an_end_that_joins_when_the_other_has_gone_is_closed) {
  from_ = std::make_shared<RecordingSide>(Ways::both);
  pair_.join(End::from, from_);
  pair_.gone(End::from, Error());
  to_ = std::make_shared<RecordingSide>(Ways::both);
  pair_.join(End::to, to_);
  EXPECT_EQ(to_->asked(), "close");
}

TEST_F(RelayPair, an_end_that_has_gone_before_it_joins_is_not_there) {
  pair_.gone(End::from, reset());
  pair_.join(End::from, std::make_shared<RecordingSide>(Ways::both));
  EXPECT_TRUE(pair_.is_empty());
}

TEST_F(RelayPair, what_happened_to_an_end_before_it_joins_has_happened) {
  pair_.takes_no_more(End::to);
  join();
  pair_.bytes_came(End::from, BytesView("for nobody"));
  EXPECT_EQ(pair_.figures(End::from).dropped_bytes, 10U);
}

// --- back-pressure ---------------------------------------------------------------------------------

TEST_F(RelayPair, bytes_go_to_the_other_end_and_are_counted) {
  join_and_forget_how();
  pair_.bytes_came(End::from, "abc");
  pair_.bytes_came(End::to, "de");
  EXPECT_EQ(to_->asked(), "write:abc");
  EXPECT_EQ(from_->asked(), "write:de");
  EXPECT_EQ(pair_.figures(End::from).bytes, 3U);
  EXPECT_EQ(pair_.figures(End::to).bytes, 2U);
  EXPECT_EQ(pair_.figures(End::from).level.buffered_bytes, 7U);
}

TEST_F(RelayPair, an_end_is_paused_while_the_other_one_is_full_and_only_that_end) {
  join_and_forget_how();
  pair_.full(End::to);
  EXPECT_EQ(from_->asked(), "pause");
  EXPECT_TRUE(pair_.figures(End::from).paused);
  EXPECT_FALSE(pair_.figures(End::to).paused);
  pair_.has_room(End::to);
  EXPECT_EQ(from_->asked(), "resume");
  EXPECT_EQ(to_->asked(), "");
}

TEST_F(RelayPair, an_end_that_takes_no_more_pauses_nobody_and_what_comes_for_it_is_dropped) {
  join_and_forget_how();
  pair_.full(End::to);
  pair_.takes_no_more(End::to);
  EXPECT_EQ(from_->asked(), "pause resume");
  pair_.bytes_came(End::from, "abc");
  EXPECT_EQ(to_->asked(), "");
  EXPECT_EQ(pair_.figures(End::from).dropped_bytes, 3U);
}

// --- half-closes -----------------------------------------------------------------------------------

TEST_F(RelayPair, an_end_of_file_is_passed_on_and_the_other_way_goes_on) {
  join_and_forget_how();
  pair_.ended(End::from);
  EXPECT_EQ(to_->asked(), "end");
  EXPECT_EQ(from_->asked(), "");
  pair_.bytes_came(End::to, "later");
  EXPECT_EQ(from_->asked(), "write:later");
}

TEST_F(RelayPair, both_are_closed_when_both_ways_are_over) {
  join_and_forget_how();
  pair_.ended(End::from);
  pair_.ended(End::to);
  EXPECT_EQ(from_->asked(), "end close");
  EXPECT_EQ(to_->asked(), "end close");
}

TEST_F(RelayPair, both_are_closed_when_one_has_ended_and_takes_no_more) {
  join_and_forget_how();
  pair_.ended(End::to);
  pair_.takes_no_more(End::to);
  EXPECT_EQ(from_->asked(), "end close");
}

TEST_F(RelayPair, an_end_that_is_only_written_to_does_not_end_the_other_one) {
  join(Ways::both, Ways::only_writes);
  EXPECT_EQ(from_->asked(), "resume");
  EXPECT_EQ(to_->asked(), "");
  pair_.ended(End::from);
  EXPECT_EQ(to_->asked(), "end close");
}

TEST_F(RelayPair, an_end_that_is_only_read_waits_for_the_end_of_the_other_one) {
  join(Ways::only_reads, Ways::both);
  pair_.bytes_came(End::to, "for nobody");
  EXPECT_EQ(from_->asked(), "resume");
  EXPECT_EQ(pair_.figures(End::to).dropped_bytes, 10U);
  pair_.ended(End::from);
  EXPECT_EQ(to_->asked(), "resume end");
  pair_.ended(End::to);
  EXPECT_EQ(to_->asked(), "close");
}

// --- ends that can't be half-closed ----------------------------------------------------------------

TEST_F(RelayPair, a_to_that_ends_as_a_whole_is_left_to_finish_its_answer) {
  join_and_forget_how();
  to_->can_only_end_as_a_whole();
  pair_.ended(End::from);
  EXPECT_EQ(to_->asked(), "end");
  pair_.bytes_came(End::to, "answer");
  pair_.ended(End::to);
  EXPECT_EQ(from_->asked(), "write:answer end close");
  EXPECT_EQ(to_->asked(), "close");
}

TEST_F(RelayPair, a_from_that_ends_as_a_whole_is_closed_when_its_answer_is_complete) {
  join_and_forget_how();
  from_->can_only_end_as_a_whole();
  pair_.bytes_came(End::to, "answer");
  pair_.ended(End::to);
  EXPECT_EQ(from_->asked(), "write:answer close");
  EXPECT_EQ(to_->asked(), "close");
}

TEST_F(RelayPair, a_from_that_ends_as_a_whole_and_has_ended_closes_both) {
  join_and_forget_how();
  from_->can_only_end_as_a_whole();
  pair_.bytes_came(End::from, "question");
  pair_.ended(End::from);
  EXPECT_EQ(to_->asked(), "write:question end");
  pair_.takes_no_more(End::from);
  EXPECT_EQ(to_->asked(), "close");
  EXPECT_EQ(from_->asked(), "close");
}

// --- the end ---------------------------------------------------------------------------------------

TEST_F(RelayPair, an_end_that_is_lost_closes_the_other_one_and_is_named) {
  join_and_forget_how();
  pair_.gone(End::from, reset());
  EXPECT_EQ(to_->asked(), "close");
  EXPECT_EQ(times_told_, 1);
  EXPECT_FALSE(pair_.is_empty());
  pair_.gone(End::to, Error());
  EXPECT_EQ(times_told_, 2);
  EXPECT_TRUE(pair_.is_empty());
  ASSERT_TRUE(pair_.failure().has_value());
  EXPECT_EQ(pair_.failure()->end, End::from);
  EXPECT_EQ(pair_.failure()->reason.code(), std::errc::connection_reset);
}

TEST_F(RelayPair, an_end_that_is_lost_in_the_middle_cuts_the_other_one_and_is_named) {
  join_and_forget_how();
  pair_.bytes_came(End::to, "half of");
  pair_.gone_in_the_middle(End::to, reset());
  EXPECT_EQ(from_->asked(), "write:half of cut");
  EXPECT_EQ(times_told_, 1);
  pair_.gone(End::from, Error());
  EXPECT_TRUE(pair_.is_empty());
  ASSERT_TRUE(pair_.failure().has_value());
  EXPECT_EQ(pair_.failure()->end, End::to);
  EXPECT_EQ(from_->asked(), "");
}

TEST_F(RelayPair, an_end_that_is_being_closed_in_order_is_not_cut) {
  join_and_forget_how();
  pair_.close();
  pair_.gone_in_the_middle(End::to, reset());
  EXPECT_EQ(from_->asked(), "close");
  EXPECT_EQ(times_told_, 1);
}

TEST_F(RelayPair, an_end_goes_only_once) {
  join_and_forget_how();
  pair_.gone(End::to, Error());
  pair_.gone_in_the_middle(End::to, reset());
  EXPECT_EQ(from_->asked(), "close");
  EXPECT_EQ(times_told_, 1);
  EXPECT_FALSE(pair_.failure().has_value());
}

TEST_F(RelayPair, an_end_that_joins_after_the_other_was_lost_in_the_middle_is_closed) {
  from_ = std::make_shared<RecordingSide>(Ways::both);
  pair_.join(End::from, from_);
  pair_.gone_in_the_middle(End::from, reset());
  to_ = std::make_shared<RecordingSide>(Ways::both);
  pair_.join(End::to, to_);
  EXPECT_EQ(to_->asked(), "close");
}

TEST_F(RelayPair, an_end_in_order_is_no_failure) {
  join_and_forget_how();
  pair_.close();
  pair_.gone(End::from, Error());
  pair_.gone(End::to, Error());
  EXPECT_FALSE(pair_.failure().has_value());
  EXPECT_EQ(from_->asked(), "close");
}

TEST_F(RelayPair, whatever_happens_to_an_end_after_the_close_asks_nothing_more) {
  join_and_forget_how();
  pair_.close();
  pair_.full(End::to);
  pair_.has_room(End::to);
  pair_.ended(End::from);
  pair_.takes_no_more(End::to);
  pair_.bytes_came(End::from, "for nobody");
  EXPECT_EQ(from_->asked(), "close");
  EXPECT_EQ(to_->asked(), "close");
}

TEST_F(RelayPair, an_abort_follows_a_close) {
  join_and_forget_how();
  pair_.close();
  pair_.abort();
  EXPECT_EQ(from_->asked(), "close abort");
  EXPECT_EQ(to_->asked(), "close abort");
}

}  // namespace
