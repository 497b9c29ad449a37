// gather and gather_settled.
#include <tidegate/gather.hpp>

#include "support/loop_fixture.hpp"

#include <memory>
#include <string>
#include <tuple>
#include <vector>

namespace tidegate {
namespace {

using testing::error_of;
using testing::thrown_by;

class GatherTest : public testing::LoopFixture {};

Task<int> number(int value) {
  co_await sleep({});
  co_return value;
}

Task<int> failing(std::string text) {
  co_await sleep({});
  throw std::runtime_error(text);
}

Task<void> nothing() { co_return; }

TEST_F(GatherTest, gives_the_results_in_the_order_of_the_arguments) {
  const auto body = [&]() -> Task<std::tuple<int, std::monostate, std::string>> {
    auto future = loop.create_future<std::string>();
    future.set_result("three");
    co_return co_await gather(number(1), nothing(), future);
  };
  EXPECT_EQ(run(body), std::make_tuple(1, std::monostate{}, std::string("three")));
}

TEST_F(GatherTest, gives_a_vector_for_a_vector) {
  const auto body = []() -> Task<std::vector<int>> {
    std::vector<Task<int>> tasks;
    for (int i = 0; i < 50; ++i) tasks.push_back(number(i));
    co_return co_await gather(std::move(tasks));
  };
  const std::vector<int> results = run(body);
  ASSERT_EQ(results.size(), 50U);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(results[static_cast<std::size_t>(i)], i);
}

TEST_F(GatherTest, of_nothing_is_done_at_once) {
  const auto body = []() -> Task<bool> {
    const auto none = gather(std::vector<Task<int>>());
    const auto no_voids = gather(std::vector<Task<void>>());
    co_return none.done() && none.result().empty() && no_voids.done();
  };
  EXPECT_TRUE(run(body));
}

TEST_F(GatherTest, of_what_is_done_already_is_done_at_once) {
  const auto first = loop.create_future<int>();
  const auto second = loop.create_future<int>();
  first.set_result(1);
  second.set_result(2);
  const auto both = gather(first, second);
  ASSERT_TRUE(both.done());
  EXPECT_EQ(both.result(), std::make_tuple(1, 2));
  EXPECT_EQ(first.result(), 1);
}

TEST_F(GatherTest, takes_the_same_future_twice) {
  const auto future = loop.create_future<std::string>();
  const auto both = gather(future, future);
  future.set_result("x");
  turn();
  EXPECT_EQ(both.result(), std::make_tuple(std::string("x"), std::string("x")));
}

TEST_F(GatherTest, moves_what_can_not_be_copied) {
  const auto make = [](int value) -> Task<std::unique_ptr<int>> { co_return std::make_unique<int>(value); };
  const auto body = [&]() -> Task<int> {
    auto [first, second] = co_await gather(make(1), make(2));
    std::vector<Task<std::unique_ptr<int>>> tasks;
    tasks.push_back(make(4));
    auto more = co_await gather(std::move(tasks));
    co_return *first + *second + *more.front();
  };
  EXPECT_EQ(run(body), 7);
}

TEST_F(GatherTest, fails_at_once_with_the_first_failure_while_the_others_run_on) {
  const auto slow = loop.create_future<int>();
  const auto all = gather(slow, failing("first"), failing("second"));
  turn(3);
  EXPECT_EQ(thrown_by([&] { return all.result(); }), "first");
  EXPECT_FALSE(slow.done());
  slow.set_exception(error_of("unheard, and not reported"));
  turn();
}

TEST_F(GatherTest, later_failures_are_not_reported_after_the_gather_is_gone) {
  const auto body = [&]() -> Task<> {
    co_await gather(failing("first"), [](int turns) -> Task<int> {
      for (; turns > 0; --turns) co_await sleep({});
      throw std::runtime_error("unheard");
    }(5));
  };
  EXPECT_THROW(run(body), std::runtime_error);
  turn(6);
}

TEST_F(GatherTest, a_failure_of_a_child_is_reported_where_the_gather_was_dropped) {
  { static_cast<void>(gather(std::vector<Future<int>>{loop.create_task(failing("dropped"))})); }
  turn(3);
  expected_reports = {"Task exception was never retrieved"};
}

TEST_F(GatherTest, an_unheard_failure_of_the_whole_is_reported_once) {
  {
    const auto all = gather(loop.create_task(failing("unheard")));
    turn(3);
    EXPECT_TRUE(all.done());
  }
  expected_reports = {"Future exception was never retrieved"};
}

TEST_F(GatherTest, a_cancelled_child_fails_the_whole_and_leaves_the_others) {
  const auto first = loop.create_future<int>();
  const auto second = loop.create_future<int>();
  const auto all = gather(first, second);
  first.cancel();
  turn();
  EXPECT_TRUE(all.done());
  EXPECT_FALSE(all.cancelled());
  EXPECT_EQ(thrown_by([&] { return all.result(); }), "cancelled");
  EXPECT_FALSE(second.done());
}

TEST_F(GatherTest, cancelling_the_whole_cancels_the_children) {
  const auto first = loop.create_future<int>();
  const auto second = loop.create_task(number(1));
  const auto all = gather(first, second);
  turn();
  EXPECT_TRUE(all.cancel());
  EXPECT_TRUE(first.cancelled());
  turn(2);
  EXPECT_TRUE(second.cancelled());
  EXPECT_EQ(thrown_by([&] { return all.result(); }), "cancelled");
  EXPECT_FALSE(all.cancel());
}

TEST_F(GatherTest, cancelling_the_task_that_awaits_cancels_the_children) {
  const auto first = loop.create_future<int>();
  const auto second = loop.create_future<int>();
  const auto body = [&]() -> Task<> { co_await gather(first, second); };
  const auto task = loop.create_task(body());
  turn();
  task.cancel();
  turn(3);
  EXPECT_TRUE(first.cancelled());
  EXPECT_TRUE(second.cancelled());
  EXPECT_TRUE(task.cancelled());
}

TEST_F(GatherTest, one_that_is_dropped_lets_go_of_children_that_never_end) {
  const auto token = std::make_shared<int>(0);
  const auto future = loop.create_future<std::shared_ptr<int>>();
  { const auto dropped = gather(future); }
  future.set_result(token);
  turn();
  EXPECT_EQ(token.use_count(), 2);
}

TEST_F(GatherTest, settled_collects_results_and_failures) {
  const auto cancelled = loop.create_future<int>();
  cancelled.cancel("off");
  const auto body = [&]() -> Task<std::string> {
    auto [good, bad, gone, empty] = co_await gather_settled(number(1), failing("bad"), cancelled, nothing());
    co_return std::to_string(good.value()) + describe(bad.exception()) + describe(gone.exception()) +
        (empty.has_value() ? "+" : "-") + thrown_by([&bad = bad] { return bad.value(); });
  };
  EXPECT_EQ(run(body), "1badcancelled: off+bad");
}

TEST_F(GatherTest, settled_takes_a_vector_too) {
  const auto body = []() -> Task<int> {
    std::vector<Task<int>> tasks;
    tasks.push_back(number(1));
    tasks.push_back(failing("bad"));
    int sum = 0;
    for (const Outcome<int>& outcome : co_await gather_settled(std::move(tasks)))
      sum += outcome.has_value() ? 1 : 10;
    co_return sum;
  };
  EXPECT_EQ(run(body), 11);
}

TEST_F(GatherTest, settled_throws_cancelled_error_where_the_whole_was_cancelled) {
  const auto future = loop.create_future<int>();
  const auto all = gather_settled(std::vector<Future<int>>{future});
  EXPECT_TRUE(all.cancel());
  turn();
  EXPECT_EQ(thrown_by([&] { return all.result().size(); }), "cancelled");
}

TEST_F(GatherTest, pending_when_the_loop_closes_leaves_nothing) {
  const auto body = [&]() -> Task<> { co_await gather(loop.create_future<int>(), number(1)); };
  static_cast<void>(loop.create_task(body()));
  turn(2);
  loop.close();
  expected_reports = {"Task was destroyed but it is pending!", "Task was destroyed but it is pending!"};
}

}  // namespace
}  // namespace tidegate
