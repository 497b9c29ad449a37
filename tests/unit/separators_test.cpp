// Finding separators, compared with a search that looks everywhere.
#include "streams/separators.hpp"

#include <array>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace tidegate::detail {
namespace {

using Separators = std::vector<BytesView>;

TEST(Separators, the_one_that_ends_first_counts_and_of_these_the_shortest) {
  EXPECT_EQ(find_separator("abcdef", 0, Separators{"cdef", "de"}), (SeparatorMatch{3, 5}));
  EXPECT_EQ(find_separator("abcdef", 0, Separators{"bcde", "e"}), (SeparatorMatch{4, 5}));
  EXPECT_EQ(find_separator("abcdef", 0, Separators{"e", "bcde"}), (SeparatorMatch{4, 5}));
  EXPECT_EQ(find_separator("a\r\nb\n", 0, Separators{"\r\n", "\n"}), (SeparatorMatch{2, 3}));
}

TEST(Separators, the_first_of_several_in_a_row_is_found_at_its_beginning) {
  EXPECT_EQ(find_separator("xx\n\n\n", 0, Separators{"\n\n"}), (SeparatorMatch{2, 4}));
  EXPECT_EQ(find_separator("xx\n\n\n", 3, Separators{"\n\n"}), (SeparatorMatch{3, 5}));
  EXPECT_EQ(find_separator("xx\n\n\n", 4, Separators{"\n\n"}), std::nullopt);
  EXPECT_EQ(find_separator("xx", 7, Separators{"x"}), std::nullopt);
}

TEST(Separators, none_or_an_empty_one_is_refused) {
  EXPECT_THROW(check_separators({}), std::invalid_argument);
  EXPECT_THROW(check_separators(Separators{"a", ""}), std::invalid_argument);
  EXPECT_NO_THROW(check_separators(Separators{"a"}));
}

TEST(Separators, a_beginning_of_one_is_not_passed_over) {
  EXPECT_EQ(bytes_without_separator(0, Separators{"abc"}), 0U);
  EXPECT_EQ(bytes_without_separator(2, Separators{"abc"}), 0U);
  EXPECT_EQ(bytes_without_separator(10, Separators{"abc", "d"}), 8U);
  EXPECT_EQ(bytes_without_separator(10, Separators{"d"}), 10U);
}

TEST(Separators, a_search_that_goes_on_where_it_had_come_to_finds_what_one_from_the_beginning_does) {
  std::mt19937 random(7);
  for (int round = 0; round < 20'000; ++round) {
    const auto word = [&random](std::size_t longest) {
      std::string text(1 + random() % longest, '\0');
      for (char& byte : text) byte = static_cast<char>('a' + random() % 2);
      return text;
    };
    const std::string text = word(24);
    const std::vector<std::string> words = {word(5), word(5)};
    const Separators separators(words.begin(), words.end());

    std::optional<SeparatorMatch> expected;
    for (std::size_t end = 1; end <= text.size() && !expected; ++end) {
      for (std::size_t begin = end; begin-- > 0 && !expected;) {
        const std::string part = text.substr(begin, end - begin);
        if (part == words[0] || part == words[1]) expected = SeparatorMatch{begin, end};
      }
    }

    std::size_t done = 0;
    std::optional<SeparatorMatch> found;
    for (std::size_t arrived = 1; arrived <= text.size() && !found; ++arrived) {
      const BytesView bytes = BytesView(text).first(arrived);
      found = find_separator(bytes, done, separators);
      if (!found) done = bytes_without_separator(arrived, separators);
    }
    ASSERT_EQ(found, expected) << text << " / " << words[0] << " / " << words[1];
    ASSERT_EQ(find_separator(text, 0, separators), expected);
  }
}

}  // namespace
}  // namespace tidegate::detail
