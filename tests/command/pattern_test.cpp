// A stream in which every position is recognisable, and what is said where one is wrong.
#include "pattern.hpp"

#include <tidegate/bytes.hpp>

#include "bench/pattern_stream.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace {

using tidegate::BytesView;
using tidegate::cli::Pattern;
using tidegate::cli::bench::PatternReader;

constexpr std::uint64_t kPeriodBytes = 1'048'573;

/// Any number of bytes of the stream, put together from pieces of an odd length.
std::vector<std::byte> stream(const Pattern& pattern, std::uint64_t position, std::size_t size_bytes) {
  std::vector<std::byte> bytes;
  while (bytes.size() < size_bytes) {
    const BytesView piece =
        pattern.piece(position + bytes.size(), std::min<std::size_t>(4099, size_bytes - bytes.size()));
    bytes.insert(bytes.end(), piece.begin(), piece.end());
  }
  return bytes;
}

TEST(Pattern, pieces_of_any_length_make_the_same_stream) {
  const Pattern pattern(5);
  const std::vector<std::byte> bytes = stream(pattern, 0, 3 * kPeriodBytes);
  for (const std::uint64_t position :
       {std::uint64_t{0}, kPeriodBytes - 1, kPeriodBytes, 2 * kPeriodBytes - 7}) {
    for (const std::size_t size_bytes : {std::size_t{1}, std::size_t{2}, Pattern::kLongestPieceBytes}) {
      const BytesView expected = BytesView(bytes).drop(position).first(size_bytes);
      EXPECT_TRUE(pattern.piece(position, size_bytes) == expected) << position << " " << size_bytes;
    }
  }
}

TEST(Pattern, the_right_bytes_have_no_mismatch_however_many_there_are) {
  const Pattern pattern(5);
  const std::vector<std::byte> bytes = stream(pattern, 123, 2 * kPeriodBytes);
  EXPECT_EQ(pattern.first_mismatch(123, bytes), std::nullopt);
  EXPECT_EQ(pattern.first_mismatch(123, BytesView()), std::nullopt);
}

TEST(Pattern, the_first_wrong_byte_is_found_wherever_it_is) {
  const Pattern pattern(1);
  const std::vector<std::byte> bytes = stream(pattern, 1000, 200'000);
  for (const std::size_t place : {0u, 1u, 65'535u, 65'536u, 131'072u, 199'999u}) {
    std::vector<std::byte> wrong = bytes;
    wrong[place] ^= std::byte{0x01};
    wrong.back() ^= std::byte{0x80};  // a later one changes nothing
    EXPECT_EQ(pattern.first_mismatch(1000, wrong), 1000 + place);
  }
}

TEST(Pattern, bytes_moved_by_any_distance_are_noticed_within_a_few) {
  const Pattern pattern(0);
  for (std::uint64_t distance = 1; distance <= 100'000; ++distance) {
    const auto wrong = pattern.first_mismatch(0, pattern.piece(distance, 64));
    ASSERT_TRUE(wrong) << distance;
  }
}

TEST(Pattern, streams_with_different_numbers_differ) {
  for (std::uint64_t number = 1; number < 1000; ++number) {
    EXPECT_TRUE(Pattern(0).first_mismatch(0, Pattern(number).piece(0, 64))) << number;
  }
}

TEST(PatternReader, it_says_where_the_wrong_byte_is_and_what_it_should_have_been) {
  const Pattern pattern(9);
  PatternReader reader(pattern);
  EXPECT_EQ(reader.take(pattern.piece(0, 1000)), std::nullopt);
  EXPECT_EQ(reader.position(), 1000u);

  std::vector<std::byte> wrong = stream(pattern, 1000, 100);
  const auto expected = static_cast<unsigned>(wrong[17]);
  wrong[17] ^= std::byte{0xff};
  const auto received = static_cast<unsigned>(wrong[17]);
  char text[100];
  std::snprintf(text, sizeof(text), "wrong byte at stream offset 1017: received 0x%02x, expected 0x%02x",
                received, expected);
  EXPECT_EQ(reader.take(wrong), std::optional<std::string>(text));
}

}  // namespace
