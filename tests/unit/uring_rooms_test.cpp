// The bookkeeping of the io_uring backend that makes no system call: tags, lent sends, headers.
#ifdef TIDEGATE_HAS_IO_URING

#include "kernel/uring/lent_sends.hpp"
#include "kernel/uring/message_arena.hpp"
#include "kernel/uring/request_tag.hpp"

#include <array>
#include <cstdint>
#include <limits>
#include <set>
#include <vector>

#include <gtest/gtest.h>

namespace tidegate::kernel {
namespace {

// --- tags ----------------------------------------------------------------------------------------

TEST(RequestTag, carries_any_request_of_any_channel_through_a_number) {
  constexpr std::uint32_t kMost = std::numeric_limits<std::uint32_t>::max();
  std::set<std::uint64_t> values;
  for (const std::uint32_t index : {0U, 1U, 0x0F0F0F0FU & RequestTag::kMaxIndex, RequestTag::kMaxIndex}) {
    for (const std::uint32_t generation : {0U, 1U, 0x80000000U, kMost}) {
      for (unsigned request = 0; request < 16; ++request) {
        const RequestTag tag(static_cast<Request>(request), ChannelId{index, generation});
        const RequestTag back(tag.value());
        EXPECT_EQ(back.request(), static_cast<Request>(request));
        EXPECT_EQ(back.channel(), (ChannelId{index, generation}));
        EXPECT_EQ(back, tag);
        EXPECT_TRUE(values.insert(tag.value()).second) << "two have the same number";
      }
    }
  }
}

// --- sends of lent pieces ------------------------------------------------------------------------

LentSend send_of(std::uint32_t index) {
  return {ChannelId{index, 1}, ReceivedPiece{nullptr, index, static_cast<std::uint16_t>(index)}};
}

TEST(LentSends, gives_back_what_was_put_and_uses_places_again) {
  LentSends sends;
  const std::uint32_t first = sends.put(send_of(1));
  const std::uint32_t second = sends.put(send_of(2));
  EXPECT_NE(first, second);
  EXPECT_EQ(sends.take(first).channel.index, 1U);
  const std::uint32_t third = sends.put(send_of(3));
  EXPECT_EQ(third, first) << "the place that is free";
  EXPECT_EQ(sends.take(second).piece.size, 2U);
  EXPECT_EQ(sends.take(third).piece.size, 3U);
}

TEST(LentSends, takes_all_that_are_under_way_once) {
  LentSends sends;
  std::vector<std::uint32_t> places;
  for (std::uint32_t index = 1; index <= 100; ++index) places.push_back(sends.put(send_of(index)));
  for (std::size_t index = 0; index < 100; index += 3) static_cast<void>(sends.take(places[index]));
  std::set<std::uint32_t> seen;
  sends.take_all([&](const LentSend& send) { EXPECT_TRUE(seen.insert(send.channel.index).second); });
  EXPECT_EQ(seen.size(), 66U);
  EXPECT_FALSE(seen.contains(1));
  EXPECT_TRUE(seen.contains(2));
  sends.take_all([&](const LentSend&) { ADD_FAILURE() << "there is none left"; });
  EXPECT_LE(sends.size(), 100U);
  for (std::uint32_t index = 0; index < 100; ++index) static_cast<void>(sends.put(send_of(index + 1)));
  EXPECT_EQ(sends.size(), 100U) << "every place is used again";
}

// --- headers of gathered sends -------------------------------------------------------------------

TEST(MessageArena, keeps_a_copy_of_every_list_until_it_is_cleared) {
  MessageArena arena;
  std::array<char, 3> text{'a', 'b', 'c'};
  std::vector<msghdr*> headers;
  for (int index = 0; index < 10; ++index) {
    std::array pieces{iovec{text.data(), 1}, iovec{text.data() + 1, static_cast<std::size_t>(index)}};
    headers.push_back(arena.put(pieces));
    ASSERT_NE(headers.back(), nullptr);
    pieces[1].iov_len = 99;
  }
  for (std::size_t index = 0; index < headers.size(); ++index) {
    ASSERT_EQ(headers[index]->msg_iovlen, 2U);
    EXPECT_EQ(headers[index]->msg_iov[0].iov_base, text.data());
    EXPECT_EQ(headers[index]->msg_iov[1].iov_len, index);
    EXPECT_EQ(headers[index]->msg_name, nullptr);
    EXPECT_EQ(headers[index]->msg_control, nullptr);
  }
}

TEST(MessageArena, refuses_what_there_is_no_room_for_and_begins_anew_when_cleared) {
  MessageArena arena;
  const std::vector<iovec> two(2);
  for (int round = 0; round < 2; ++round) {
    int headers = 0;
    while (arena.put(two) != nullptr) ++headers;
    EXPECT_EQ(headers, 64) << "as many headers as there are";
    arena.clear();
    const std::vector<iovec> many(512);
    EXPECT_NE(arena.put(many), nullptr) << "all of the room for pieces";
    EXPECT_EQ(arena.put(two), nullptr);
    arena.clear();
    const std::vector<iovec> too_many(513);
    EXPECT_EQ(arena.put(too_many), nullptr);
  }
}

}  // namespace
}  // namespace tidegate::kernel

#endif
