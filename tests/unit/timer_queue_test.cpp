// The timer queue against a naive model: deadlines in order, ties in the order of insertion, cancelled ones
// gone at once.
#include "loop/timer_queue.hpp"

#include <algorithm>
#include <memory>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace tidegate::loop {
namespace {

using detail::ReadyQueue;
using detail::ScheduledTimer;
using std::chrono::nanoseconds;

TimePoint at(std::int64_t moment) { return TimePoint(nanoseconds(moment)); }

/// Inserts a timer that notes its number when it runs.
TimerHandle insert(TimerQueue& queue, TimePoint when, std::vector<int>& ran, int number) {
  auto* timer = new ScheduledTimer(when, [&ran, number] { ran.push_back(number); });
  queue.insert(*timer);
  return TimerHandle(timer);
}

void run_due(TimerQueue& queue, TimePoint now) {
  ReadyQueue due;
  queue.take_due(now, due);
  while (!due.empty()) due.pop().run();
}

TEST(TimerQueue, has_no_deadline_while_it_is_empty) {
  TimerQueue queue;
  EXPECT_TRUE(queue.empty());
  EXPECT_FALSE(queue.next_deadline().has_value());
  run_due(queue, at(1'000));
}

TEST(TimerQueue, E1_a_timer_is_due_at_its_deadline_and_not_a_nanosecond_earlier) {
  TimerQueue queue;
  std::vector<int> ran;
  insert(queue, at(100), ran, 1);
  EXPECT_EQ(queue.next_deadline(), at(100));
  run_due(queue, at(99));
  EXPECT_TRUE(ran.empty());
  run_due(queue, at(100));
  EXPECT_EQ(ran, std::vector<int>{1});
  EXPECT_TRUE(queue.empty());
}

TEST(TimerQueue, E1_ties_come_in_the_order_of_insertion) {
  TimerQueue queue;
  std::vector<int> ran;
  for (int number = 0; number < 200; ++number) insert(queue, at(number % 2 == 0 ? 5 : 7), ran, number);
  run_due(queue, at(7));
  std::vector<int> expected;
  for (int number = 0; number < 200; number += 2) expected.push_back(number);
  for (int number = 1; number < 200; number += 2) expected.push_back(number);
  EXPECT_EQ(ran, expected);
}

TEST(TimerQueue, E1_a_cancelled_timer_is_out_of_the_queue_and_its_captures_are_gone) {
  TimerQueue queue;
  auto held = std::make_shared<int>(1);
  auto* timer = new ScheduledTimer(at(5), [held] {});
  queue.insert(*timer);
  TimerHandle handle(timer);
  EXPECT_EQ(handle.when(), at(5));
  handle.cancel();
  EXPECT_EQ(held.use_count(), 1);
  EXPECT_TRUE(queue.empty());
  EXPECT_FALSE(queue.next_deadline().has_value());
  handle.cancel();
  run_due(queue, at(10));
}

TEST(TimerQueue, a_timer_that_is_due_but_has_not_run_can_still_be_cancelled) {
  TimerQueue queue;
  std::vector<int> ran;
  TimerHandle handle = insert(queue, at(5), ran, 1);
  ReadyQueue due;
  queue.take_due(at(5), due);
  handle.cancel();
  ASSERT_EQ(due.size(), 1U);
  due.pop().run();
  EXPECT_TRUE(ran.empty());
}

TEST(TimerQueue, the_extremes_of_time_are_ordinary_deadlines) {
  TimerQueue queue;
  std::vector<int> ran;
  insert(queue, TimePoint::max(), ran, 3);
  insert(queue, TimePoint::min(), ran, 1);
  insert(queue, at(0), ran, 2);
  EXPECT_EQ(queue.next_deadline(), TimePoint::min());
  run_due(queue, at(0));
  EXPECT_EQ(ran, (std::vector<int>{1, 2}));
  run_due(queue, TimePoint::max());
  EXPECT_EQ(ran, (std::vector<int>{1, 2, 3}));
}

TEST(TimerQueue, lets_go_of_everything_when_it_ends) {
  auto held = std::make_shared<int>(1);
  TimerHandle survivor;
  {
    TimerQueue queue;
    for (int number = 0; number < 50; ++number) {
      auto* timer = new ScheduledTimer(at(number), [held] {});
      queue.insert(*timer);
      survivor = TimerHandle(timer);
    }
  }
  EXPECT_EQ(held.use_count(), 1);
  survivor.cancel();
  EXPECT_EQ(survivor.when(), at(49));
}

TEST(TimerQueue, clearing_survives_captures_that_cancel_other_timers) {
  struct Canceller {
    TimerHandle other;
    ~Canceller() { other.cancel(); }
  };
  TimerQueue queue;
  TimerHandle last;
  for (int number = 0; number < 50; ++number) {
    auto canceller = std::make_shared<Canceller>(Canceller{last});
    auto* timer = new ScheduledTimer(at(number * 7 % 50), [canceller] {});
    queue.insert(*timer);
    last = TimerHandle(timer);
  }
  queue.clear();
  EXPECT_TRUE(queue.empty());
}

/// What the queue is compared with: a vector that is searched.
struct ModelTimer {
  TimePoint when;
  int number;
  TimerHandle handle;
};

class TimerQueueAgainstANaiveModel : public testing::TestWithParam<unsigned> {};

TEST_P(TimerQueueAgainstANaiveModel, a_hundred_thousand_operations_agree) {
  std::mt19937 random(GetParam());
  std::vector<int> ran;
  std::vector<int> expected;
  std::vector<ModelTimer> model;  // in the order of insertion
  TimerQueue queue;
  TimePoint now = at(0);
  int next_number = 0;
  for (int operation = 0; operation < 100'000; ++operation) {
    const auto choice = random() % 100;
    if (choice < 55) {
      // Few different deadlines, so that ties are frequent.
      const TimePoint when = now + nanoseconds(random() % 64);
      const int number = next_number++;
      model.push_back({when, number, insert(queue, when, ran, number)});
    } else if (choice < 85) {
      if (model.empty()) continue;
      const auto victim = model.begin() + static_cast<std::ptrdiff_t>(random() % model.size());
      victim->handle.cancel();
      model.erase(victim);
    } else {
      now += nanoseconds(random() % 40);
      std::vector<ModelTimer> due;
      for (const ModelTimer& timer : model) {
        if (timer.when <= now) due.push_back(timer);
      }
      std::stable_sort(due.begin(), due.end(), [](const ModelTimer& left, const ModelTimer& right) {
        return left.when < right.when;
      });
      for (const ModelTimer& timer : due) expected.push_back(timer.number);
      std::erase_if(model, [&](const ModelTimer& timer) { return timer.when <= now; });
      run_due(queue, now);
      ASSERT_EQ(ran, expected) << "operation " << operation;
      ran.clear();
      expected.clear();
    }
    ASSERT_EQ(queue.size(), model.size());
    if (operation % 16 != 0) continue;
    const auto earliest = std::min_element(
        model.begin(), model.end(),
        [](const ModelTimer& left, const ModelTimer& right) { return left.when < right.when; });
    ASSERT_EQ(queue.next_deadline(), earliest == model.end() ? std::nullopt : std::optional(earliest->when));
  }
}

INSTANTIATE_TEST_SUITE_P(seeds, TimerQueueAgainstANaiveModel, testing::Values(1U, 2U, 3U));

}  // namespace
}  // namespace tidegate::loop
