// Which datagrams are under way, lost, late or wrong.
#include "bench/datagram_window.hpp"

#include <chrono>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using tidegate::BytesView;
using tidegate::TimePoint;
using tidegate::cli::Pattern;
using tidegate::cli::bench::Answer;
using tidegate::cli::bench::DatagramWindow;

constexpr TimePoint kBegin{1h};
constexpr auto kPatience = DatagramWindow::kPatience;

std::string next(DatagramWindow& window, TimePoint now = kBegin) { return window.next(now).to_string(); }

TEST(DatagramWindow, has_room_for_so_many_and_for_another_when_one_is_back) {
  DatagramWindow window(Pattern(1), 64, 3);
  EXPECT_TRUE(window.is_empty());
  const std::string first = next(window);
  static_cast<void>(next(window));
  EXPECT_TRUE(window.has_room());
  static_cast<void>(next(window));
  EXPECT_FALSE(window.has_room());
  const Answer answer = window.take(BytesView(first), kBegin + 5ms);
  EXPECT_EQ(answer.problem, "");
  EXPECT_EQ(answer.latency, 5ms);
  EXPECT_TRUE(window.has_room());
  EXPECT_FALSE(window.is_empty());
}

TEST(DatagramWindow, tells_those_of_any_size_apart_in_any_order_for_a_long_time) {
  for (const std::size_t size : {1UL, 2UL, 3UL, 7UL, 8UL, 9UL, 1'000UL, 65'507UL}) {
    SCOPED_TRACE(size);
    const std::size_t places = std::min<std::size_t>(DatagramWindow::most_places(size), 100);
    DatagramWindow window(Pattern(1), size, places);
    for (int round = 0; round < 10; ++round) {
      std::vector<std::string> sent;
      std::vector<TimePoint> times;
      while (window.has_room()) {
        times.push_back(kBegin + round * 1s + sent.size() * 1us);
        sent.push_back(next(window, times.back()));
        ASSERT_EQ(sent.back().size(), size);
      }
      EXPECT_EQ(std::set<std::string>(sent.begin(), sent.end()).size(), places);
      // Every third first, and so on: 3 and 100 have nothing in common.
      for (std::size_t count = 0; count < places; ++count) {
        const std::size_t index = count * 3 % places;
        const Answer answer = window.take(BytesView(sent[index]), kBegin + round * 1s + 1ms);
        ASSERT_EQ(answer.problem, "");
        ASSERT_EQ(answer.latency, kBegin + round * 1s + 1ms - times[index]);
      }
      EXPECT_TRUE(window.is_empty());
    }
  }
}

TEST(DatagramWindow, tells_as_many_apart_as_it_says) {
  EXPECT_EQ(DatagramWindow::most_places(1), 128U);
  EXPECT_EQ(DatagramWindow::most_places(2), 32'768U);
  EXPECT_GT(DatagramWindow::most_places(8), 65'536U);
  EXPECT_EQ(DatagramWindow::most_places(9), DatagramWindow::most_places(8));
  DatagramWindow window(Pattern(1), 1, 128);
  std::set<std::string> sent;
  while (window.has_room()) sent.insert(next(window));
  EXPECT_EQ(sent.size(), 128U);
  // Those of the second round are others than those of the first.
  EXPECT_EQ(window.give_up(kBegin + kPatience), 128U);
  while (window.has_room()) EXPECT_TRUE(sent.insert(next(window)).second);
}

TEST(DatagramWindow, gives_up_what_is_not_back_in_time_and_knows_it_when_it_comes_late) {
  DatagramWindow window(Pattern(1), 64, 2);
  EXPECT_FALSE(window.deadline());
  const std::string one = next(window);
  const std::string two = next(window, kBegin + 10ms);
  EXPECT_EQ(window.deadline(), kBegin + kPatience);
  EXPECT_EQ(window.give_up(kBegin + kPatience - 1ns), 0U);
  EXPECT_EQ(window.give_up(kBegin + kPatience), 1U);
  EXPECT_EQ(window.deadline(), kBegin + 10ms + kPatience);
  const std::string three = next(window, kBegin + kPatience);
  EXPECT_NE(three, one);
  const Answer late = window.take(BytesView(one), kBegin + kPatience + 1ms);
  EXPECT_EQ(late.problem, "");
  EXPECT_FALSE(late.latency);
  EXPECT_EQ(window.take(BytesView(two), kBegin + 20ms).latency, 10ms);
  EXPECT_EQ(window.take(BytesView(three), kBegin + kPatience + 2ms).latency, 2ms);
  // Back a second time.
  const Answer again = window.take(BytesView(three), kBegin + kPatience + 3ms);
  EXPECT_EQ(again.problem, "");
  EXPECT_FALSE(again.latency);
}

TEST(DatagramWindow, finds_every_wrong_byte) {
  for (std::size_t wrong = 0; wrong < 64; ++wrong) {
    SCOPED_TRACE(wrong);
    DatagramWindow window(Pattern(1), 64, 5);
    std::string back = next(window);
    back[wrong] = static_cast<char>(back[wrong] ^ 0x40);
    EXPECT_NE(window.take(BytesView(back), kBegin).problem, "");
    EXPECT_FALSE(window.has_room() && window.is_empty());
  }
  DatagramWindow window(Pattern(1), 64, 1);
  std::string back = next(window);
  back[50] = static_cast<char>(back[50] ^ 1);
  EXPECT_THAT(window.take(BytesView(back), kBegin).problem,
              HasSubstr("wrong byte at offset 50 of datagram 0: received 0x"));
}

TEST(DatagramWindow, finds_one_that_is_too_short_too_long_or_not_of_ours) {
  DatagramWindow window(Pattern(1), 64, 3);
  const std::string sent = next(window);
  EXPECT_EQ(window.take(BytesView(sent).first(63), kBegin).problem,
            "a datagram of 63 bytes came back, of 64 expected");
  EXPECT_THAT(window.take(BytesView(sent + "x"), kBegin).problem, HasSubstr("of 65 bytes"));
  DatagramWindow other(Pattern(1), 64, 3);
  static_cast<void>(next(other));
  const std::string second = next(other);
  EXPECT_EQ(window.take(BytesView(second), kBegin).problem, "datagram 1 came back, which was never sent");
  EXPECT_EQ(window.take(BytesView(sent), kBegin).problem, "");
}

}  // namespace
