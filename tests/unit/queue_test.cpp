// Queue.
#include <tidegate/queue.hpp>

#include "support/loop_fixture.hpp"

#include <memory>
#include <string>
#include <vector>

namespace tidegate {
namespace {

using testing::thrown_by;

class QueueTest : public testing::LoopFixture {};

TEST_F(QueueTest, is_first_in_first_out) {
  Queue<int> queue;
  for (int i = 0; i < 5; ++i) queue.put_nowait(i);
  EXPECT_EQ(queue.size(), 5U);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(queue.get_nowait(), i);
  EXPECT_TRUE(queue.empty());
}

TEST_F(QueueTest, without_a_limit_is_never_full) {
  Queue<int> queue;
  for (int i = 0; i < 1000; ++i) queue.put_nowait(i);
  EXPECT_FALSE(queue.full());
  EXPECT_EQ(queue.maxsize(), 0U);
}

TEST_F(QueueTest, throws_where_there_is_no_room_or_nothing) {
  Queue<int> queue(1);
  EXPECT_THROW(static_cast<void>(queue.get_nowait()), QueueEmpty);
  queue.put_nowait(1);
  EXPECT_TRUE(queue.full());
  EXPECT_THROW(queue.put_nowait(2), QueueFull);
  EXPECT_EQ(queue.get_nowait(), 1);
}

TEST_F(QueueTest, get_waits_for_an_item) {
  Queue<std::string> queue;
  const auto getter = loop.create_task(queue.get());
  turn(3);
  EXPECT_FALSE(getter.done());
  queue.put_nowait("x");
  turn();
  EXPECT_EQ(getter.result(), "x");
}

TEST_F(QueueTest, put_waits_for_room) {
  Queue<int> queue(1);
  queue.put_nowait(1);
  const auto putter = loop.create_task(queue.put(2));
  turn(3);
  EXPECT_FALSE(putter.done());
  EXPECT_EQ(queue.get_nowait(), 1);
  turn();
  EXPECT_TRUE(putter.done());
  EXPECT_EQ(queue.get_nowait(), 2);
}

TEST_F(QueueTest, serves_getters_and_putters_in_the_order_of_waiting) {
  Queue<int> queue(1);
  std::vector<int> got;
  const auto getting = [&]() -> Task<> { got.push_back(co_await queue.get()); };
  for (int i = 0; i < 3; ++i) static_cast<void>(loop.create_task(getting()));
  for (int i = 0; i < 3; ++i) static_cast<void>(loop.create_task(queue.put(i)));
  turn(6);
  EXPECT_EQ(got, (std::vector<int>{0, 1, 2}));
}

TEST_F(QueueTest, carries_what_can_not_be_copied) {
  Queue<std::unique_ptr<int>> queue(1);
  const auto body = [&]() -> Task<int> {
    co_await queue.put(std::make_unique<int>(4));
    const auto taken = co_await queue.get();
    co_return *taken;
  };
  EXPECT_EQ(run(body), 4);
}

TEST_F(QueueTest, a_cancelled_getter_takes_nothing) {
  Queue<int> queue;
  const auto getter = loop.create_task(queue.get());
  turn();
  getter.cancel();
  turn();
  EXPECT_TRUE(getter.cancelled());
  queue.put_nowait(1);
  turn();
  EXPECT_EQ(queue.get_nowait(), 1);
}

TEST_F(QueueTest, a_getter_cancelled_with_its_item_on_the_way_passes_it_on) {
  Queue<int> queue;
  const auto first = loop.create_task(queue.get());
  const auto second = loop.create_task(queue.get());
  turn();
  queue.put_nowait(1);
  first.cancel();
  turn(2);
  EXPECT_TRUE(first.cancelled());
  EXPECT_EQ(second.result(), 1);
}

TEST_F(QueueTest, a_cancelled_putter_leaves_nothing_behind) {
  Queue<int> queue(1);
  queue.put_nowait(1);
  const auto putter = loop.create_task(queue.put(2));
  turn();
  putter.cancel();
  turn();
  EXPECT_TRUE(putter.cancelled());
  EXPECT_EQ(queue.get_nowait(), 1);
  EXPECT_TRUE(queue.empty());
}

TEST_F(QueueTest, a_putter_cancelled_with_its_room_free_passes_it_on) {
  Queue<int> queue(1);
  queue.put_nowait(1);
  const auto first = loop.create_task(queue.put(2));
  const auto second = loop.create_task(queue.put(3));
  turn();
  EXPECT_EQ(queue.get_nowait(), 1);
  first.cancel();
  turn(2);
  EXPECT_TRUE(first.cancelled());
  EXPECT_TRUE(second.done());
  EXPECT_EQ(queue.get_nowait(), 3);
}

TEST_F(QueueTest, a_getter_that_finds_its_item_taken_waits_on) {
  Queue<int> queue;
  const auto getter = loop.create_task(queue.get());
  turn();
  queue.put_nowait(1);
  EXPECT_EQ(queue.get_nowait(), 1);
  turn();
  EXPECT_FALSE(getter.done());
  queue.put_nowait(2);
  turn();
  EXPECT_EQ(getter.result(), 2);
}

TEST_F(QueueTest, join_waits_until_every_item_is_dealt_with) {
  Queue<int> queue;
  queue.put_nowait(1);
  queue.put_nowait(2);
  const auto joined = loop.create_task(queue.join());
  turn();
  static_cast<void>(queue.get_nowait());
  queue.task_done();
  turn();
  EXPECT_FALSE(joined.done());
  static_cast<void>(queue.get_nowait());
  queue.task_done();
  turn();
  EXPECT_TRUE(joined.done());
  EXPECT_EQ(thrown_by([&] {
              queue.task_done();
              return 0;
            }),
            "task_done() called too many times");
}

TEST_F(QueueTest, join_of_an_untouched_queue_returns_at_once) {
  Queue<int> queue;
  loop.run_until_complete(queue.join());
}

TEST_F(QueueTest, producers_and_consumers_lose_nothing) {
  Queue<int> queue(3);
  int sum = 0;
  const auto produce = [&]() -> Task<> {
    for (int i = 1; i <= 100; ++i) co_await queue.put(i);
  };
  const auto consume = [&]() -> Task<> {
    for (;;) {
      sum += co_await queue.get();
      co_await sleep({});
      queue.task_done();
    }
  };
  const auto body = [&]() -> Task<> {
    const auto first = loop.create_task(produce());
    const auto second = loop.create_task(produce());
    std::vector<TaskHandle<void>> consumers;
    for (int i = 0; i < 5; ++i) consumers.push_back(loop.create_task(consume()));
    co_await first;
    co_await second;
    co_await queue.join();
    for (const auto& consumer : consumers) consumer.cancel();
    co_await sleep({});
    co_await sleep({});
  };
  run(body);
  EXPECT_EQ(sum, 2 * 5050);
}

TEST_F(QueueTest, may_go_before_those_who_wait_for_it) {
  {
    Queue<int> queue(1);
    static_cast<void>(loop.create_task(queue.get()));
    turn();
  }
  loop.close();
  expected_reports = {"Task was destroyed but it is pending!"};
}

}  // namespace
}  // namespace tidegate
