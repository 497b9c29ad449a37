// The bound on the error of what a histogram reports, and what exactly its percentiles are.
#include "bench/histogram.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace {

using tidegate::Duration;
using tidegate::cli::bench::Histogram;

/// What is reported for a duration that is not the longest one, which would hide the error.
Duration reported_for(Duration duration) {
  Histogram histogram;
  histogram.record(duration);
  histogram.record(Histogram::kLongest);
  return histogram.at_per_mille(500);
}

void expect_within_the_bound(Duration reported, Duration actual) {
  EXPECT_GE(reported, actual);
  EXPECT_LE((reported - actual).count() * 128, actual.count()) << actual.count() << " ns";
}

/// All orders of magnitude are equally likely.
std::vector<Duration> random_durations(std::size_t count, std::uint32_t seed) {
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> exponent(0, 40);
  std::vector<Duration> durations(count);
  for (Duration& duration : durations) {
    duration = Duration(static_cast<std::int64_t>(std::exp2(exponent(random))) - 1);
  }
  return durations;
}

// --- single values -----------------------------------------------------------------------------------------

TEST(Histogram, values_below_256_nanoseconds_are_exact) {
  for (int value = 0; value < 256; ++value) EXPECT_EQ(reported_for(Duration(value)), Duration(value));
}

TEST(Histogram, what_it_reports_is_never_too_small_and_less_than_one_part_in_128_too_large) {
  for (const Duration duration : random_durations(20'000, 1)) {
    expect_within_the_bound(reported_for(duration), duration);
  }
}

TEST(Histogram, the_bound_holds_on_both_sides_of_every_power_of_two) {
  for (unsigned bit = 0; bit < 40; ++bit) {
    const std::int64_t power = std::int64_t{1} << bit;
    for (const std::int64_t value : {power - 1, power, power + 1}) {
      if (Duration(value) > Histogram::kLongest) continue;
      expect_within_the_bound(reported_for(Duration(value)), Duration(value));
    }
  }
}

TEST(Histogram, a_negative_duration_counts_as_none) {
  Histogram histogram;
  histogram.record(Duration(-5));
  EXPECT_EQ(histogram.count(), 1u);
  EXPECT_EQ(histogram.at_per_mille(1000), Duration::zero());
  EXPECT_EQ(histogram.max(), Duration::zero());
}

TEST(Histogram, the_maximum_is_exact_also_where_the_buckets_end) {
  Histogram histogram;
  histogram.record(std::chrono::microseconds(1));
  histogram.record(std::chrono::hours(5));
  EXPECT_EQ(histogram.max(), std::chrono::hours(5));
  EXPECT_EQ(histogram.at_per_mille(1000), Histogram::kLongest);
}

// --- percentiles -------------------------------------------------------------------------------------------

TEST(Histogram, an_empty_one_reports_zero) {
  const Histogram histogram;
  EXPECT_EQ(histogram.count(), 0u);
  for (const unsigned per_mille : {0u, 500u, 1000u}) EXPECT_EQ(histogram.at_per_mille(per_mille), Duration());
  EXPECT_EQ(histogram.max(), Duration::zero());
}

TEST(Histogram, a_single_value_is_every_percentile_exactly) {
  Histogram histogram;
  histogram.record(Duration(1'234'567));
  for (const unsigned per_mille : {0u, 1u, 500u, 999u, 1000u}) {
    EXPECT_EQ(histogram.at_per_mille(per_mille), Duration(1'234'567));
  }
}

TEST(Histogram, the_median_of_two_is_the_smaller_and_p99_the_larger) {
  Histogram histogram;
  histogram.record(Duration(100));
  histogram.record(Duration(200));
  EXPECT_EQ(histogram.at_per_mille(500), Duration(100));
  EXPECT_EQ(histogram.at_per_mille(501), Duration(200));
  EXPECT_EQ(histogram.at_per_mille(990), Duration(200));
}

TEST(Histogram, one_in_a_thousand_shows_only_beyond_p99_9) {
  Histogram histogram;
  for (int count = 0; count < 999; ++count) histogram.record(Duration(10));
  histogram.record(Duration(250));
  EXPECT_EQ(histogram.at_per_mille(999), Duration(10));
  EXPECT_EQ(histogram.at_per_mille(1000), Duration(250));
  histogram.record(Duration(250));
  EXPECT_EQ(histogram.at_per_mille(999), Duration(250));
}

TEST(Histogram, a_percentile_is_the_smallest_recorded_value_that_so_many_do_not_exceed) {
  for (const std::size_t count : {1u, 2u, 3u, 10u, 999u, 1000u, 1001u, 5000u}) {
    std::vector<Duration> durations = random_durations(count, static_cast<std::uint32_t>(count));
    Histogram histogram;
    for (const Duration duration : durations) histogram.record(duration);
    std::sort(durations.begin(), durations.end());
    for (std::size_t per_mille = 1; per_mille <= 1000; ++per_mille) {
      const std::size_t rank = (count * per_mille + 999) / 1000;
      expect_within_the_bound(histogram.at_per_mille(per_mille), durations[rank - 1]);
    }
  }
}

TEST(Histogram, adding_two_is_the_same_as_recording_everything_in_one) {
  Histogram first;
  Histogram second;
  Histogram both;
  for (const Duration duration : random_durations(1000, 7)) {
    (duration.count() % 2 == 0 ? first : second).record(duration);
    both.record(duration);
  }
  first.add(second);
  EXPECT_EQ(first.count(), both.count());
  EXPECT_EQ(first.max(), both.max());
  for (unsigned per_mille = 0; per_mille <= 1000; ++per_mille) {
    EXPECT_EQ(first.at_per_mille(per_mille), both.at_per_mille(per_mille));
  }
}

}  // namespace
