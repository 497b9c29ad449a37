// The epoll backend's table of descriptor numbers: generations tell the uses of a number apart, references
// never move.
#include "kernel/epoll/epoll_slot.hpp"

#include <map>
#include <random>
#include <set>
#include <vector>

#include <gtest/gtest.h>

namespace tidegate::kernel {
namespace {

FileDescriptor number(int value) { return FileDescriptor{value}; }

TEST(SlotTable, knows_nothing_at_first) {
  const EpollSlotTable table;
  ASSERT_NE(table.find(number(0)), nullptr) << "the first numbers have slots from the start";
  EXPECT_EQ(table.find(number(0))->generation, 0U);
  EXPECT_EQ(table.find(number(-1)), nullptr);
  EXPECT_EQ(table.find(number(1'000'000)), nullptr);
  EXPECT_EQ(table.find(ChannelId{}), nullptr);
  EXPECT_EQ(table.find(ChannelId{3, 1}), nullptr);
}

TEST(SlotTable, finds_what_was_opened_by_number_and_by_channel) {
  EpollSlotTable table;
  const ChannelId channel = table.open(number(7), true);
  EXPECT_TRUE(channel.valid());
  EpollSlot* slot = table.find(channel);
  ASSERT_NE(slot, nullptr);
  EXPECT_EQ(slot, table.find(number(7)));
  EXPECT_EQ(slot, &table.at(number(7)));
  EXPECT_TRUE(slot->owned);
  EXPECT_FALSE(slot->registered);
  EXPECT_EQ(slot->input, nullptr);
  EXPECT_EQ(slot->output, nullptr);
  EXPECT_EQ(slot->generation, channel.generation);
}

TEST(SlotTable, a_known_channel_is_looked_up_whatever_has_become_of_it) {
  EpollSlotTable table;
  const ChannelId first = table.open(number(700), true);
  EXPECT_EQ(&table.known(first), table.find(first));
  const ChannelId second = table.open(number(700), true);
  EXPECT_EQ(table.known(first).generation, second.generation);
  EXPECT_NE(table.known(ChannelId{0, EpollSlotTable::kNoGeneration}).generation,
            EpollSlotTable::kNoGeneration);
}

TEST(SlotTable, a_new_use_of_a_number_is_not_found_under_the_old_channel) {
  EpollSlotTable table;
  const ChannelId first = table.open(number(7), true);
  const ChannelId second = table.open(number(7), false);
  EXPECT_NE(first, second);
  EXPECT_EQ(table.find(first), nullptr);
  ASSERT_NE(table.find(second), nullptr);
  EXPECT_FALSE(table.find(second)->owned);
}

TEST(SlotTable, a_channel_whose_slot_was_cleared_is_not_found) {
  EpollSlotTable table;
  const ChannelId channel = table.open(number(7), true);
  *table.find(channel) = EpollSlot{};
  EXPECT_EQ(table.find(channel), nullptr);
  EXPECT_NE(table.find(number(7)), nullptr) << "the number has a slot, not in use";
  EXPECT_EQ(table.find(number(7))->generation, 0U);
  EXPECT_EQ(table.find(ChannelId{7, 0}), nullptr) << "generation 0 names nothing";
}

TEST(SlotTable, opening_forgets_all_that_was_known_of_the_number) {
  EpollSlotTable table;
  EpollSlot& slot = *table.find(table.open(number(7), true));
  slot.registered = true;
  slot.interest = 5;
  slot.input_kind = EpollSlot::Input::accept;
  static_cast<void>(table.open(number(7), true));
  EXPECT_FALSE(slot.registered);
  EXPECT_EQ(slot.interest, 0U);
  EXPECT_EQ(slot.input_kind, EpollSlot::Input::none);
}

TEST(SlotTable, references_stay_valid_while_the_table_grows) {
  EpollSlotTable table;
  std::vector<EpollSlot*> slots;
  for (int value = 0; value < 5'000; ++value) slots.push_back(table.find(table.open(number(value), true)));
  static_cast<void>(table.open(number(200'000), true));
  for (int value = 0; value < 5'000; ++value)
    EXPECT_EQ(slots[static_cast<std::size_t>(value)], table.find(number(value)));
}

TEST(SlotTable, no_channel_is_ever_given_twice) {
  std::mt19937 random(5);
  EpollSlotTable table;
  std::set<std::pair<std::uint32_t, std::uint32_t>> given;
  std::map<int, ChannelId> present;
  for (int operation = 0; operation < 100'000; ++operation) {
    const int value = static_cast<int>(random() % 300);
    if (random() % 3 == 0 && present.contains(value)) {
      *table.find(present[value]) = EpollSlot{};
      present.erase(value);
      continue;
    }
    const ChannelId channel = table.open(number(value), true);
    ASSERT_TRUE(given.emplace(channel.index, channel.generation).second);
    if (present.contains(value)) {
      ASSERT_EQ(table.find(present[value]), nullptr);
    }
    present[value] = channel;
  }
  for (const auto& [value, channel] : present) EXPECT_EQ(table.find(channel), table.find(number(value)));
}

TEST(SlotTable, visits_every_number_in_use_with_its_channel) {
  EpollSlotTable table;
  std::map<int, ChannelId> present;
  for (const int value : {0, 7, 127, 128, 129, 1'000}) present[value] = table.open(number(value), true);
  *table.find(present[128]) = EpollSlot{};
  present.erase(128);
  std::map<int, ChannelId> visited;
  table.for_each([&](ChannelId channel, EpollSlot& slot) {
    EXPECT_EQ(&slot, table.find(channel));
    EXPECT_TRUE(visited.emplace(static_cast<int>(channel.index), channel).second) << "twice";
  });
  EXPECT_EQ(visited, present);
}

TEST(SlotTable, a_visit_may_open_more_numbers) {
  EpollSlotTable table;
  static_cast<void>(table.open(number(3), true));
  int visits = 0;
  table.for_each([&](ChannelId channel, EpollSlot&) {
    ++visits;
    if (channel.index == 3) static_cast<void>(table.open(number(5'000), true));
  });
  EXPECT_GE(visits, 1);
  EXPECT_LE(visits, 2);
}

}  // namespace
}  // namespace tidegate::kernel
