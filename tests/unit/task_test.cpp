// Tasks: their steps, their cancellation, their end.
#include <tidegate/task.hpp>

#include "support/loop_fixture.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tidegate {
namespace {

using testing::error_of;
using testing::LogCollector;
using testing::thrown_by;

class TaskTest : public testing::LoopFixture {};

Task<int> ready(int value) { co_return value; }

Task<void> failing() {
  throw std::runtime_error("storm");
  co_return;
}

/// Waits for `future`; what comes out is written to `log`.
Task<std::string> watching(Future<std::string> future) {
  try {
    co_return co_await std::move(future);
  } catch (const CancelledError& error) {
    co_return "caught " + error.reason();
  }
}

TEST_F(TaskTest, begins_in_the_next_iteration_and_not_before) {
  bool begun = false;
  const auto body = [&]() -> Task<> {
    begun = true;
    co_return;
  };
  const auto task = loop.create_task(body());
  EXPECT_FALSE(begun);
  EXPECT_FALSE(task.done());
  turn();
  EXPECT_TRUE(begun);
  EXPECT_TRUE(task.done());
}

TEST_F(TaskTest, has_the_result_of_its_coroutine) { EXPECT_EQ(loop.run_until_complete(ready(4)), 4); }

TEST_F(TaskTest, fails_with_what_its_coroutine_throws) {
  const auto task = loop.create_task(failing());
  EXPECT_EQ(thrown_by([&] {
              loop.run_until_complete<void>(task);
              return 0;
            }),
            "storm");
  EXPECT_FALSE(task.cancelled());
}

TEST_F(TaskTest, reports_an_exception_that_nobody_asked_for) {
  static_cast<void>(loop.create_task(failing()));
  turn();
  ASSERT_EQ(reports.size(), 1U);
  EXPECT_EQ(reports[0].exception, "storm");
  expected_reports = {"Task exception was never retrieved"};
}

TEST_F(TaskTest, runs_on_when_every_handle_is_dropped) {
  int done = 0;
  const auto body = [&]() -> Task<> {
    co_await sleep({});
    ++done;
  };
  static_cast<void>(loop.create_task(body()));
  turn(2);
  EXPECT_EQ(done, 1);
}

TEST_F(TaskTest, results_move_through_awaits_and_handles) {
  const auto make = []() -> Task<std::unique_ptr<int>> { co_return std::make_unique<int>(9); };
  const auto body = [&]() -> Task<std::unique_ptr<int>> {
    auto inside = co_await make();
    auto beside = co_await loop.create_task(make());
    auto handle = loop.create_task(make());
    auto named = co_await std::move(handle);
    co_return std::make_unique<int>(*inside + *beside + *named);
  };
  EXPECT_EQ(*run(body), 27);
}

TEST_F(TaskTest, an_awaited_future_stays_readable_by_its_name) {
  const auto body = [&]() -> Task<std::string> {
    const auto task = loop.create_task(watching([&] {
      auto future = loop.create_future<std::string>();
      future.set_result("copy");
      return future;
    }()));
    std::string first = co_await task;
    co_return first + co_await task;
  };
  EXPECT_EQ(run(body), "copycopy");
}

TEST_F(TaskTest, awaiting_what_is_done_already_does_not_suspend) {
  int others = 0;
  const auto body = [&]() -> Task<int> {
    const auto future = loop.create_future<int>();
    future.set_result(1);
    loop.call_soon([&others] { ++others; });
    const int result = co_await future;
    co_return result + 10 * others;
  };
  EXPECT_EQ(run(body), 1);
}

TEST_F(TaskTest, the_awaited_variable_may_be_assigned_to_meanwhile) {
  auto future = loop.create_future<int>();
  const auto body = [&]() -> Task<int> { co_return co_await future; };
  const auto task = loop.create_task(body());
  turn();
  auto old = std::exchange(future, loop.create_future<int>());
  old.set_result(6);
  old = {};
  turn();
  EXPECT_EQ(task.result(), 6);
}

TEST_F(TaskTest, a_million_immediate_children_do_not_grow_the_stack) {
  const auto body = []() -> Task<int> {
    int sum = 0;
    for (int i = 0; i < 1'000'000; ++i) sum += co_await ready(1);
    co_return sum;
  };
  EXPECT_EQ(run(body), 1'000'000);
}

Task<int> nested(int depth, const Future<void>& bottom) {
  if (depth == 0) {
    co_await bottom;
    co_return 0;
  }
  co_return 1 + co_await nested(depth - 1, bottom);
}

TEST_F(TaskTest, a_deep_chain_neither_begins_nor_ends_on_the_stack) {
  const auto bottom = loop.create_future<void>();
  const auto task = loop.create_task(nested(100'000, bottom));
  turn();
  EXPECT_FALSE(task.done());
  bottom.set_result();
  turn();
  EXPECT_EQ(task.result(), 100'000);
}

TEST_F(TaskTest, an_exception_passes_through_a_chain) {
  const auto bottom = loop.create_future<void>();
  const auto task = loop.create_task(nested(100, bottom));
  turn();
  bottom.set_exception(error_of("bottom"));
  turn();
  EXPECT_EQ(thrown_by([&] { return task.result(); }), "bottom");
}

TEST_F(TaskTest, can_not_be_awaited_twice) {
  const auto body = []() -> Task<std::string> {
    auto child = ready(1);
    co_await child;
    try {
      co_await child;
    } catch (const InvalidStateError& error) {
      co_return error.what();
    }
    co_return "nothing";
  };
  EXPECT_EQ(run(body), "cannot reuse already awaited coroutine");
}

TEST_F(TaskTest, none_can_not_be_awaited_or_started) {
  const auto body = []() -> Task<> { co_await Task<int>(); };
  EXPECT_THROW(run(body), InvalidStateError);
  EXPECT_THROW(static_cast<void>(loop.create_task(Task<int>())), InvalidStateError);
}

TEST_F(TaskTest, can_not_await_itself) {
  TaskHandle<void> self;
  const auto body = [&]() -> Task<> { co_await self; };
  self = loop.create_task(body());
  turn();
  EXPECT_EQ(thrown_by([&] {
              self.result();
              return 0;
            }),
            "Task cannot await on itself");
  self = {};
}

TEST_F(TaskTest, can_not_await_a_future_of_another_loop) {
  Loop other;
  const auto future = other.create_future<void>();
  const auto body = [&]() -> Task<> { co_await future; };
  EXPECT_EQ(thrown_by([&] {
              run(body);
              return 0;
            }),
            "Task got Future attached to a different loop");
}

TEST_F(TaskTest, takes_no_result_from_outside) {
  const auto task = loop.create_task(ready(1));
  EXPECT_EQ(thrown_by([&] {
              task.set_result(2);
              return 0;
            }),
            "Task does not support set_result operation");
  EXPECT_EQ(thrown_by([&] {
              task.set_exception(error_of("no"));
              return 0;
            }),
            "Task does not support set_exception operation");
  turn();
  EXPECT_EQ(task.result(), 1);
}

TEST(TaskLogTest, one_that_is_dropped_without_being_awaited_leaves_a_warning) {
  LogCollector log;
  { const auto forgotten = ready(1); }
  EXPECT_EQ(log.lines.size(), 1U);
}

TEST(TaskLogTest, one_inside_of_another_is_not_warned_of_twice) {
  const auto outer = [](Task<int> inner) -> Task<int> { co_return co_await std::move(inner); };
  LogCollector log;
  { const auto forgotten = outer(ready(1)); }
  EXPECT_EQ(log.lines.size(), 1U);
}

// --- names and lists ---------------------------------------------------------------------------------------

TEST_F(TaskTest, the_current_one_is_known_within_its_steps_only) {
  EXPECT_FALSE(current_task());
  TaskHandle<bool> task;
  const auto body = [&]() -> Task<bool> {
    const bool before = current_task() == task;
    co_await sleep({});
    co_return before&& current_task() == task;
  };
  task = loop.create_task(body());
  bool in_callback = true;
  loop.call_soon([&in_callback] { in_callback = static_cast<bool>(current_task()); });
  turn(2);
  EXPECT_TRUE(task.result());
  EXPECT_FALSE(in_callback);
  EXPECT_FALSE(current_task());
}

TEST_F(TaskTest, all_that_have_not_ended_are_listed) {
  const auto first = loop.create_task(ready(1));
  const auto second = loop.create_task(ready(2));
  EXPECT_EQ(all_tasks(loop), (std::vector<AnyTask>{first, second}));
  turn();
  EXPECT_TRUE(all_tasks(loop).empty());
}

TEST_F(TaskTest, has_a_name_of_its_own) {
  const auto first = loop.create_task(ready(1));
  const auto second = loop.create_task(ready(2));
  EXPECT_EQ(first.get_name().substr(0, 5), "Task-");
  EXPECT_NE(first.get_name(), second.get_name());
  first.set_name("reader");
  EXPECT_EQ(first.get_name(), "reader");
  turn();
}

// --- the end of the loop -----------------------------------------------------------------------------------

TEST_F(TaskTest, closing_the_loop_destroys_what_waits_and_says_so) {
  const auto token = std::make_shared<int>(0);
  const auto future = loop.create_future<void>();
  const auto body = [](std::shared_ptr<int> kept, Future<void> awaited) -> Task<> {
    co_await awaited;
    ++*kept;
  };
  const auto task = loop.create_task(body(token, future));
  turn();
  EXPECT_EQ(token.use_count(), 2);
  loop.close();
  EXPECT_EQ(token.use_count(), 1);
  EXPECT_TRUE(task.cancelled());
  future.set_result();  // finds nobody
  expected_reports = {"Task was destroyed but it is pending!"};
}

TEST_F(TaskTest, closing_the_loop_destroys_what_is_queued) {
  const auto token = std::make_shared<int>(0);
  const auto body = [](std::shared_ptr<int>) -> Task<> { co_await sleep({}); };
  static_cast<void>(loop.create_task(body(token)));
  const auto begun = loop.create_task(body(token));
  loop.close();
  EXPECT_EQ(token.use_count(), 1);
  EXPECT_TRUE(begun.done());
  expected_reports = {"Task was destroyed but it is pending!", "Task was destroyed but it is pending!"};
}

TEST_F(TaskTest, closing_the_loop_destroys_tasks_that_wait_for_each_other) {
  const auto token = std::make_shared<int>(0);
  const auto inner = [](std::shared_ptr<int>, Future<void> future) -> Task<> { co_await future; };
  const auto outer = [](std::shared_ptr<int>, TaskHandle<void> task) -> Task<> { co_await task; };
  const auto waited = loop.create_task(inner(token, loop.create_future<void>()));
  static_cast<void>(loop.create_task(outer(token, waited)));
  turn(2);
  loop.close();
  EXPECT_EQ(token.use_count(), 1);
  expected_reports = {"Task was destroyed but it is pending!", "Task was destroyed but it is pending!"};
}

TEST_F(TaskTest, destructors_may_cancel_and_complete_while_the_loop_closes) {
  struct Meddler {
    Future<void> completed;
    TaskHandle<void> cancelled;
    ~Meddler() {
      if (completed && !completed.done()) completed.set_result();
      if (cancelled) cancelled.cancel();
    }
  };
  const auto future = loop.create_future<void>();
  TaskHandle<void> other;
  const auto waiting = [](Future<void> awaited) -> Task<> { co_await awaited; };
  const auto meddling = [&]() -> Task<> {
    const Meddler meddler{future, other};
    co_await loop.create_future<void>();
  };
  static_cast<void>(loop.create_task(meddling()));
  other = loop.create_task(waiting(future));
  turn();
  loop.close();
  EXPECT_TRUE(other.done());
  expected_reports = {"Task was destroyed but it is pending!", "Task was destroyed but it is pending!"};
}

TEST_F(TaskTest, none_can_be_made_on_a_closed_loop) {
  loop.close();
  EXPECT_EQ(thrown_by([&] { return loop.create_task(ready(1)); }), "Event loop is closed");
}

}  // namespace
}  // namespace tidegate
