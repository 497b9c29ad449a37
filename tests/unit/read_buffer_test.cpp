// The buffer of a stream against a plain string, with what was shown checked until it may go.
#include "streams/read_buffer.hpp"

#include <algorithm>
#include <cstring>
#include <random>
#include <string>

#include <gtest/gtest.h>

namespace tidegate::detail {
namespace {

TEST(ReadBuffers, an_empty_one_holds_nothing_once_it_was_reclaimed) {
  ReadBuffer buffer;
  EXPECT_TRUE(buffer.bytes().empty());
  buffer.append("abc");
  const BytesView taken = buffer.take(3);
  EXPECT_TRUE(buffer.empty());
  EXPECT_EQ(taken, "abc") << "it can be looked at until it is reclaimed";
  buffer.reclaim();
  EXPECT_EQ(buffer.bytes().data(), nullptr);
}

TEST(ReadBuffers, what_was_taken_stays_when_the_rest_has_to_move) {
  ReadBuffer buffer;
  buffer.append("abcdef");
  const BytesView taken = buffer.take(3);
  buffer.append(std::string(10'000, 'x'));
  buffer.prepend("123");
  buffer.append(std::string(100'000, 'y'));
  EXPECT_EQ(taken, "abc");
  buffer.reclaim();
  EXPECT_EQ(buffer.take(6), "123def");
}

TEST(ReadBuffers, more_cannot_be_taken_than_there_is) {
  ReadBuffer buffer;
  buffer.append("ab");
  EXPECT_EQ(buffer.take(100), "ab");
  EXPECT_EQ(buffer.take(1), "");
}

TEST(ReadBuffers, any_sequence_of_calls_is_that_of_a_string) {
  std::mt19937 random(20'240'601);
  const auto below = [&random](std::size_t bound) { return random() % bound; };
  ReadBuffer buffer;
  std::string model;
  BytesView shown;
  std::string shown_then;
  char next = 'a';
  for (int step = 0; step < 200'000; ++step) {
    const std::size_t size_bytes = below(below(4) == 0 ? 5000 : 50);
    std::string text(size_bytes, '\0');
    for (char& byte : text) byte = next = static_cast<char>(next == 'z' ? 'a' : next + 1);
    switch (below(6)) {
      case 0:
        buffer.append(text);
        model += text;
        break;
      case 1: {
        const MutableBytesView room = buffer.room(size_bytes + 1);
        ASSERT_GT(room.size(), size_bytes);
        std::memcpy(room.data(), text.data(), size_bytes);
        buffer.commit(size_bytes);
        model += text;
        break;
      }
      case 2:
        if (model.size() > 20'000) break;
        buffer.prepend(text);
        model.insert(0, text);
        break;
      case 3:
        buffer.reclaim();
        shown = {};
        shown_then.clear();
        break;
      default: {
        const std::size_t count = std::min(size_bytes, model.size());
        shown = buffer.take(size_bytes);
        shown_then = model.substr(0, count);
        model.erase(0, count);
        break;
      }
    }
    ASSERT_EQ(buffer.bytes().text(), model) << "step " << step;
    ASSERT_EQ(shown.text(), shown_then) << "step " << step;
  }
}

}  // namespace
}  // namespace tidegate::detail
