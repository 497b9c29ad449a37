// What counts, and what does not; how much is said of what went wrong.
#include "bench/measurement.hpp"

#include "bench/failures.hpp"

#include <chrono>
#include <cstddef>
#include <string>

#include <gtest/gtest.h>

namespace {

using namespace std::chrono_literals;
using tidegate::TimePoint;
using tidegate::cli::bench::Failures;
using tidegate::cli::bench::Measurement;
using tidegate::cli::bench::Seconds;

constexpr TimePoint kBegin{1h};

void count_one(Measurement& measurement) {
  measurement.message(1ms);
  measurement.bytes(10);
}

TEST(Measurement, only_what_falls_between_begin_and_end_counts) {
  Measurement measurement;
  count_one(measurement);
  measurement.begin(kBegin);
  count_one(measurement);
  count_one(measurement);
  measurement.end(kBegin + 2s);
  count_one(measurement);
  measurement.take_recent();
  EXPECT_EQ(measurement.total().messages, 2u);
  EXPECT_EQ(measurement.total().bytes, 20u);
  EXPECT_EQ(measurement.total().latency.count(), 2u);
  EXPECT_EQ(measurement.time(), Seconds(2));
}

TEST(Measurement, looking_at_recent_numbers_loses_none) {
  Measurement measurement;
  measurement.begin(kBegin);
  count_one(measurement);
  EXPECT_EQ(measurement.take_recent().messages, 1u);
  EXPECT_EQ(measurement.take_recent().messages, 0u);
  count_one(measurement);
  measurement.end(kBegin + 1s);
  EXPECT_EQ(measurement.total().messages, 2u);
}

TEST(Measurement, one_that_ends_before_it_began_has_measured_nothing) {
  Measurement measurement;
  count_one(measurement);
  measurement.end(kBegin);
  EXPECT_EQ(measurement.total().messages, 0u);
  EXPECT_EQ(measurement.time(), Seconds(0));
}

TEST(Failures, all_are_counted_and_the_first_few_kept_in_words) {
  Failures failures;
  for (std::size_t number = 1; number <= 100; ++number) failures.note(std::to_string(number));
  EXPECT_EQ(failures.count(), 100u);
  ASSERT_EQ(failures.texts().size(), Failures::kMostTexts);
  EXPECT_EQ(failures.texts().front(), "1");
  EXPECT_EQ(failures.texts().back(), std::to_string(Failures::kMostTexts));
}

}  // namespace
