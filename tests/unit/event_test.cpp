// Event.
#include <tidegate/event.hpp>

#include "support/loop_fixture.hpp"

#include <optional>
#include <vector>

namespace tidegate {
namespace {

class EventTest : public testing::LoopFixture {};

TEST_F(EventTest, is_not_set_at_first) {
  Event event;
  EXPECT_FALSE(event.is_set());
  event.set();
  EXPECT_TRUE(event.is_set());
  event.clear();
  EXPECT_FALSE(event.is_set());
}

TEST_F(EventTest, wakes_everybody_in_the_order_of_waiting) {
  Event event;
  std::vector<int> order;
  const auto waiting = [&](int number) -> Task<> {
    co_await event.wait();
    order.push_back(number);
  };
  for (int i = 0; i < 3; ++i) static_cast<void>(loop.create_task(waiting(i)));
  turn();
  EXPECT_TRUE(order.empty());
  event.set();
  EXPECT_TRUE(order.empty());
  turn();
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2}));
}

TEST_F(EventTest, waiting_for_one_that_is_set_does_not_suspend) {
  Event event;
  event.set();
  const auto task = loop.create_task(event.wait());
  turn();
  EXPECT_TRUE(task.done());
}

TEST_F(EventTest, set_and_cleared_at_once_still_wakes_who_waited) {
  Event event;
  const auto task = loop.create_task(event.wait());
  turn();
  event.set();
  event.clear();
  const auto later = loop.create_task(event.wait());
  turn();
  EXPECT_TRUE(task.done());
  EXPECT_FALSE(later.done());
  event.set();
  turn();
  EXPECT_TRUE(later.done());
}

TEST_F(EventTest, forgets_a_waiter_that_is_cancelled) {
  Event event;
  const auto first = loop.create_task(event.wait());
  const auto second = loop.create_task(event.wait());
  turn();
  first.cancel();
  event.set();
  turn();
  EXPECT_TRUE(first.cancelled());
  EXPECT_TRUE(second.done());
  EXPECT_FALSE(second.cancelled());
}

TEST_F(EventTest, may_go_before_those_who_wait_for_it) {
  {
    Event event;
    static_cast<void>(loop.create_task(event.wait()));
    turn();
  }
  loop.close();
  expected_reports = {"Task was destroyed but it is pending!"};
}

}  // namespace
}  // namespace tidegate
