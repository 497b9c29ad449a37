// Datagrams that wait for somebody who wants them: by channel, in order, and gone with it.
#include "kernel/kept_datagrams.hpp"

#include <string>
#include <utility>

#include <gtest/gtest.h>

namespace tidegate::kernel {
namespace {

constexpr ChannelId kOne{.index = 1, .generation = 7};
constexpr ChannelId kTwo{.index = 2, .generation = 8};

std::string text_of(const KeptDatagrams::Queue& queue) {
  std::string text;
  for (const KeptDatagrams::Datagram& datagram : queue)
    text.append("[").append(BytesView(datagram.bytes).to_string()).append("]");
  return text;
}

TEST(KeptDatagrams, are_taken_in_order_and_by_channel) {
  KeptDatagrams kept;
  EXPECT_FALSE(kept.has(kOne));
  kept.add(kOne, "a", {});
  kept.add(kTwo, "x", {});
  kept.add(kOne, "", {});
  kept.add(kOne, "b", {});
  EXPECT_TRUE(kept.has(kOne));
  EXPECT_EQ(text_of(kept.take(kOne)), "[a][][b]");
  EXPECT_FALSE(kept.has(kOne));
  EXPECT_EQ(text_of(kept.take(kOne)), "");
  EXPECT_EQ(text_of(kept.take(kTwo)), "[x]");
}

TEST(KeptDatagrams, what_is_put_back_is_there_again_and_nothing_is_nothing) {
  KeptDatagrams kept;
  kept.add(kOne, "a", {});
  kept.add(kOne, "b", {});
  KeptDatagrams::Queue queue = kept.take(kOne);
  queue.pop_front();
  kept.put_back(kOne, std::move(queue));
  EXPECT_EQ(text_of(kept.take(kOne)), "[b]");
  kept.put_back(kOne, {});
  EXPECT_FALSE(kept.has(kOne));
}

TEST(KeptDatagrams, go_with_their_channel) {
  KeptDatagrams kept;
  kept.add(kOne, "a", {});
  kept.add(kTwo, "x", {});
  kept.forget(kOne);
  EXPECT_FALSE(kept.has(kOne));
  EXPECT_TRUE(kept.has(kTwo));
}

TEST(KeptDatagrams, are_not_those_of_the_next_use_of_a_number) {
  KeptDatagrams kept;
  kept.add(kOne, "a", {});
  constexpr ChannelId kNext{.index = kOne.index, .generation = kOne.generation + 1};
  EXPECT_FALSE(kept.has(kNext));
  EXPECT_EQ(text_of(kept.take(kNext)), "");
  EXPECT_TRUE(kept.has(kOne));
}

TEST(KeptDatagrams, remember_who_sent_them) {
  KeptDatagrams kept;
  net::SocketAddress sender;
  sender.length = 16;
  kept.add(kOne, "a", sender);
  EXPECT_EQ(kept.take(kOne).front().sender.length, 16U);
}

}  // namespace
}  // namespace tidegate::kernel
