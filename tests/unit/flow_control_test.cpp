// Flow control against the clauses F1 to F5, at every boundary.
#include "transport/flow_control.hpp"

#include <initializer_list>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace tidegate::transport {
namespace {

constexpr std::size_t kLargest = std::numeric_limits<std::size_t>::max();

FlowControl with_limits(std::size_t high, std::size_t low) {
  FlowControl flow;
  flow.set_limits(high, low);
  return flow;
}

std::string refusal(FlowControl& flow, std::optional<std::size_t> high, std::optional<std::size_t> low) {
  try {
    flow.set_limits(high, low);
    return "accepted";
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
}

TEST(FlowControl_F1, pauses_only_strictly_over_the_high_mark) {
  FlowControl flow = with_limits(10, 5);
  EXPECT_FALSE(flow.pause_if_over(9));
  EXPECT_FALSE(flow.pause_if_over(10));
  EXPECT_FALSE(flow.paused());
  EXPECT_TRUE(flow.pause_if_over(11));
  EXPECT_TRUE(flow.paused());
}

TEST(FlowControl_F1, pauses_once) {
  FlowControl flow = with_limits(10, 5);
  EXPECT_TRUE(flow.pause_if_over(11));
  EXPECT_FALSE(flow.pause_if_over(12));
  EXPECT_FALSE(flow.pause_if_over(11));
}

TEST(FlowControl_F1, resumes_once_at_the_low_mark) {
  FlowControl flow = with_limits(10, 5);
  EXPECT_FALSE(flow.resume_if_drained(0));
  EXPECT_TRUE(flow.pause_if_over(11));
  EXPECT_FALSE(flow.resume_if_drained(6));
  EXPECT_TRUE(flow.resume_if_drained(5));
  EXPECT_FALSE(flow.paused());
  EXPECT_FALSE(flow.resume_if_drained(5));
}

TEST(FlowControl_F1, what_may_not_be_told_yet_is_still_owed) {
  FlowControl flow = with_limits(10, 5);
  int times_asked = 0;
  bool may_tell = false;
  const auto ask = [&] {
    ++times_asked;
    return may_tell;
  };
  EXPECT_TRUE(flow.pause_if_over(11));
  EXPECT_FALSE(flow.resume_if_drained(6, ask));
  EXPECT_EQ(times_asked, 0) << "nothing was owed";
  EXPECT_FALSE(flow.resume_if_drained(5, ask));
  EXPECT_TRUE(flow.paused());
  may_tell = true;
  EXPECT_TRUE(flow.resume_if_drained(5, ask));
  EXPECT_EQ(times_asked, 2);
}

/// What the contract says, one clause a line.
struct NaiveModel {
  std::size_t high;
  std::size_t low;
  bool paused = false;

  bool pause(std::size_t size) {
    const bool now = size > high && !paused;
    paused = paused || now;
    return now;
  }
  bool resume(std::size_t size) {
    const bool now = paused && size <= low;
    paused = paused && !now;
    return now;
  }
};

TEST(FlowControl_F1, agrees_with_a_naive_model_for_all_small_marks_and_sizes) {
  constexpr std::size_t kMost = 9;
  for (std::size_t high = 0; high <= kMost; ++high) {
    for (std::size_t low = 0; low <= high; ++low) {
      // Every pair of sizes, one after the other, from either state.
      for (std::size_t first = 0; first <= kMost + 1; ++first) {
        for (std::size_t second = 0; second <= kMost + 1; ++second) {
          FlowControl flow = with_limits(high, low);
          NaiveModel model{high, low};
          for (const std::size_t size : {first, second, first}) {
            ASSERT_EQ(flow.pause_if_over(size), model.pause(size)) << high << ' ' << low << ' ' << size;
            ASSERT_EQ(flow.resume_if_drained(size), model.resume(size)) << high << ' ' << low << ' ' << size;
            ASSERT_EQ(flow.paused(), model.paused);
          }
        }
      }
    }
  }
}

TEST(FlowControl_F1, pause_and_resume_alternate_strictly) {
  FlowControl flow = with_limits(4, 2);
  bool owed = false;
  for (const std::size_t size :
       std::initializer_list<std::size_t>{5, 7, 3, 2, 0, 9, 2, 2, 4, 5, 1, 6, 6, 0}) {
    if (flow.pause_if_over(size)) {
      EXPECT_FALSE(owed);
      owed = true;
    }
    if (flow.resume_if_drained(size)) {
      EXPECT_TRUE(owed);
      owed = false;
    }
    EXPECT_EQ(flow.paused(), owed);
  }
}

TEST(FlowControl_F2, the_defaults_are_64_KiB_and_a_quarter) {
  EXPECT_EQ(FlowControl().limits(), (WriteBufferLimits{.low = 16384, .high = 65536}));
  FlowControl flow = with_limits(1, 0);
  flow.set_limits(std::nullopt, std::nullopt);
  EXPECT_EQ(flow.limits(), (WriteBufferLimits{.low = 16384, .high = 65536}));
}

TEST(FlowControl_F2, what_is_left_out_follows_from_what_is_given) {
  FlowControl flow;
  for (std::size_t mark = 0; mark <= 20; ++mark) {
    flow.set_limits(std::nullopt, mark);
    EXPECT_EQ(flow.limits(), (WriteBufferLimits{.low = mark, .high = 4 * mark}));
    flow.set_limits(mark, std::nullopt);
    EXPECT_EQ(flow.limits(), (WriteBufferLimits{.low = mark / 4, .high = mark}));
  }
}

TEST(FlowControl_F2, a_huge_low_mark_does_not_wrap_around) {
  FlowControl flow;
  for (const std::size_t low : {kLargest / 4, kLargest / 4 + 1, kLargest / 2, kLargest}) {
    flow.set_limits(std::nullopt, low);
    EXPECT_EQ(flow.limits().low, low);
    EXPECT_GE(flow.limits().high, low);
  }
}

TEST(FlowControl_F3, a_low_mark_over_the_high_one_is_refused_and_changes_nothing) {
  for (std::size_t high = 0; high <= 6; ++high) {
    for (std::size_t low = 0; low <= 6; ++low) {
      FlowControl flow = with_limits(100, 50);
      if (low <= high) {
        EXPECT_EQ(refusal(flow, high, low), "accepted");
        EXPECT_EQ(flow.limits(), (WriteBufferLimits{.low = low, .high = high}));
      } else {
        EXPECT_EQ(refusal(flow, high, low), "high (" + std::to_string(high) + ") must be >= low (" +
                                                std::to_string(low) + ") must be >= 0");
        EXPECT_EQ(flow.limits(), (WriteBufferLimits{.low = 50, .high = 100}));
      }
    }
  }
}

TEST(FlowControl_F4, a_high_mark_of_zero_pauses_for_the_first_byte_and_resumes_when_empty) {
  FlowControl flow = with_limits(0, 0);
  EXPECT_FALSE(flow.pause_if_over(0));
  EXPECT_TRUE(flow.pause_if_over(1));
  EXPECT_FALSE(flow.resume_if_drained(1));
  EXPECT_TRUE(flow.resume_if_drained(0));
}

TEST(FlowControl_F5, marks_set_below_the_size_pause_at_once_and_raised_ones_wait_for_a_drain) {
  FlowControl flow = with_limits(100, 50);
  EXPECT_FALSE(flow.pause_if_over(80));
  flow.set_limits(10, 5);
  EXPECT_TRUE(flow.pause_if_over(80));
  flow.set_limits(1000, 500);
  EXPECT_TRUE(flow.paused());
  EXPECT_FALSE(flow.pause_if_over(80));
  EXPECT_TRUE(flow.resume_if_drained(79));
}

}  // namespace
}  // namespace tidegate::transport
