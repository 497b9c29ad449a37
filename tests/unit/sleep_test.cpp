// sleep.
#include <tidegate/sleep.hpp>

#include "support/loop_fixture.hpp"

#include <chrono>
#include <vector>

namespace tidegate {
namespace {

using namespace std::chrono_literals;

class SleepTest : public testing::LoopFixture {};

TEST_F(SleepTest, lasts_as_long_as_asked_and_never_less) {
  const TimePoint start = loop.time();
  loop.run_until_complete(sleep(2ms));
  EXPECT_GE(loop.time() - start, 2ms);
}

TEST_F(SleepTest, of_nothing_takes_exactly_one_iteration) {
  for (const Duration delay : {Duration(0), Duration(-1s)}) {
    const auto task = loop.create_task(sleep(delay));
    turn();
    EXPECT_FALSE(task.done());
    turn();
    EXPECT_TRUE(task.done());
  }
}

TEST_F(SleepTest, lets_others_run) {
  std::vector<int> order;
  const auto body = [&](int number) -> Task<> {
    for (int i = 0; i < 2; ++i) {
      order.push_back(number);
      co_await sleep({});
    }
  };
  static_cast<void>(loop.create_task(body(1)));
  static_cast<void>(loop.create_task(body(2)));
  turn(3);
  EXPECT_EQ(order, (std::vector<int>{1, 2, 1, 2}));
}

TEST_F(SleepTest, ends_in_the_order_of_the_deadlines) {
  std::vector<int> order;
  const auto body = [&](int milliseconds) -> Task<> {
    co_await sleep(std::chrono::milliseconds(milliseconds));
    order.push_back(milliseconds);
  };
  const auto last = loop.create_task(body(6));
  static_cast<void>(loop.create_task(body(2)));
  static_cast<void>(loop.create_task(body(4)));
  loop.run_until_complete<void>(last);
  EXPECT_EQ(order, (std::vector<int>{2, 4, 6}));
}

TEST_F(SleepTest, that_is_cancelled_ends_at_once) {
  const auto task = loop.create_task(sleep(1h));
  turn();
  task.cancel();
  turn();
  EXPECT_TRUE(task.cancelled());
}

TEST_F(SleepTest, may_last_for_ever) {
  const auto task = loop.create_task(sleep(Duration::max()));
  turn(3);
  EXPECT_FALSE(task.done());
  task.cancel();
  turn();
  EXPECT_TRUE(task.cancelled());
}

TEST_F(SleepTest, that_is_pending_when_the_loop_closes_leaves_nothing) {
  static_cast<void>(loop.create_task(sleep(1h)));
  turn();
  loop.close();
  expected_reports = {"Task was destroyed but it is pending!"};
}

}  // namespace
}  // namespace tidegate
