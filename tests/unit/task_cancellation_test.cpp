// How tasks are cancelled, in every state.
#include <tidegate/task.hpp>

#include "support/loop_fixture.hpp"

#include <string>
#include <vector>

namespace tidegate {
namespace {

using testing::error_of;
using testing::thrown_by;

class TaskCancellationTest : public testing::LoopFixture {};

Task<int> ready(int value) { co_return value; }

/// Waits for `future`; what comes out is written to `log`.
Task<std::string> watching(Future<std::string> future) {
  try {
    co_return co_await std::move(future);
  } catch (const CancelledError& error) {
    co_return "caught " + error.reason();
  }
}

TEST_F(TaskCancellationTest, cancelled_before_it_begins_never_begins) {
  bool begun = false;
  const auto body = [&]() -> Task<> {
    begun = true;
    co_return;
  };
  const auto task = loop.create_task(body());
  EXPECT_TRUE(task.cancel("early"));
  EXPECT_FALSE(task.cancelled());
  turn();
  EXPECT_TRUE(task.cancelled());
  EXPECT_FALSE(begun);
  EXPECT_EQ(thrown_by([&] {
              task.result();
              return 0;
            }),
            "cancelled: early");
}

TEST_F(TaskCancellationTest, cancelled_while_it_waits_gets_the_error_at_its_await) {
  const auto future = loop.create_future<std::string>();
  const auto task = loop.create_task(watching(future));
  turn();
  EXPECT_TRUE(task.cancel("ebb"));
  EXPECT_TRUE(future.cancelled());
  EXPECT_FALSE(task.done());
  turn();
  EXPECT_FALSE(task.cancelled());
  EXPECT_EQ(task.result(), "caught ebb");
}

TEST_F(TaskCancellationTest, that_lets_the_error_out_is_cancelled) {
  const auto body = [&]() -> Task<> { co_await loop.create_future<void>(); };
  const auto task = loop.create_task(body());
  turn();
  task.cancel("ebb");
  turn();
  EXPECT_TRUE(task.cancelled());
  EXPECT_EQ(thrown_by([&] {
              task.result();
              return 0;
            }),
            "cancelled: ebb");
}

TEST_F(TaskCancellationTest, that_throws_cancelled_error_by_itself_is_cancelled) {
  const auto body = []() -> Task<> {
    throw CancelledError("mine");
    co_return;
  };
  const auto task = loop.create_task(body());
  turn();
  EXPECT_TRUE(task.cancelled());
}

TEST_F(TaskCancellationTest, cancelled_with_the_result_on_its_way_gets_the_error_instead) {
  const auto future = loop.create_future<std::string>();
  const auto task = loop.create_task(watching(future));
  turn();
  future.set_result("lost");
  EXPECT_TRUE(task.cancel("late"));
  turn();
  EXPECT_EQ(task.result(), "caught late");
}

TEST_F(TaskCancellationTest, cancelled_with_an_exception_on_its_way_gets_the_cancellation) {
  auto future = loop.create_future<std::string>();
  const auto task = loop.create_task(watching(future));
  turn();
  future.set_exception(error_of("lost"));
  future = {};
  task.cancel("late");
  turn();
  EXPECT_EQ(task.result(), "caught late");
}

TEST_F(TaskCancellationTest, cancels_what_it_waits_for_down_to_the_bottom) {
  const auto future = loop.create_future<std::string>();
  const auto inner = loop.create_task(watching(future));
  const auto outer = loop.create_task(watching(inner));
  turn(2);
  outer.cancel("all the way");
  EXPECT_TRUE(future.cancelled());
  turn(3);
  EXPECT_EQ(outer.result(), "caught all the way");
}

TEST_F(TaskCancellationTest, cancelling_itself_is_heard_at_the_next_await_that_waits) {
  std::vector<std::string> steps;
  const auto body = [&]() -> Task<> {
    current_task().cancel();
    steps.push_back("on");
    co_await ready(1);
    steps.push_back("still on");
    co_await loop.create_future<void>();
    steps.push_back("never");
  };
  const auto task = loop.create_task(body());
  turn(3);
  EXPECT_TRUE(task.cancelled());
  EXPECT_EQ(steps, (std::vector<std::string>{"on", "still on"}));
}

TEST_F(TaskCancellationTest, cancelling_itself_is_heard_at_a_yield) {
  const auto body = []() -> Task<> {
    current_task().cancel();
    co_await sleep({});
  };
  const auto task = loop.create_task(body());
  turn(2);
  EXPECT_TRUE(task.cancelled());
}

TEST_F(TaskCancellationTest, cancelling_itself_in_its_last_step_cancels_it) {
  const auto body = []() -> Task<int> {
    current_task().cancel("last words");
    co_return 1;
  };
  const auto task = loop.create_task(body());
  turn();
  EXPECT_TRUE(task.cancelled());
  EXPECT_EQ(thrown_by([&] { return task.result(); }), "cancelled: last words");
}

TEST_F(TaskCancellationTest, that_fails_with_a_request_to_cancel_pending_has_failed) {
  const auto body = []() -> Task<int> {
    current_task().cancel();
    throw std::runtime_error("first");
    co_return 1;
  };
  const auto task = loop.create_task(body());
  turn();
  EXPECT_FALSE(task.cancelled());
  EXPECT_EQ(thrown_by([&] { return task.result(); }), "first");
}

TEST_F(TaskCancellationTest, may_catch_the_error_and_wait_again) {
  const auto second = loop.create_future<std::string>();
  const auto body = [&]() -> Task<std::string> {
    try {
      co_await loop.create_future<void>();
    } catch (const CancelledError&) {
    }
    co_return co_await second;
  };
  const auto task = loop.create_task(body());
  turn();
  task.cancel();
  turn();
  EXPECT_FALSE(task.done());
  second.set_result("stubborn");
  turn();
  EXPECT_EQ(task.result(), "stubborn");
  EXPECT_EQ(task.cancelling(), 1U);
}

TEST_F(TaskCancellationTest, can_be_cancelled_again_while_the_awaited_task_refuses) {
  int refused = 0;
  const auto stubborn = [&]() -> Task<> {
    for (;;) {
      try {
        co_await loop.create_future<void>();
      } catch (const CancelledError&) {
        if (++refused == 3) throw;
      }
    }
  };
  const auto body = [&]() -> Task<> { co_await loop.create_task(stubborn()); };
  const auto task = loop.create_task(body());
  turn(2);
  for (int i = 1; i <= 3; ++i) {
    EXPECT_TRUE(task.cancel());
    turn(2);
    EXPECT_EQ(refused, i);
  }
  EXPECT_TRUE(task.cancelled());
}

TEST_F(TaskCancellationTest, counts_requests_and_takes_them_back) {
  const auto body = [&]() -> Task<> { co_await loop.create_future<void>(); };
  const auto task = loop.create_task(body());
  turn();
  task.cancel();
  task.cancel();
  EXPECT_EQ(task.cancelling(), 2U);
  EXPECT_EQ(task.uncancel(), 1U);
  EXPECT_EQ(task.uncancel(), 0U);
  EXPECT_EQ(task.uncancel(), 0U);
  turn();
  EXPECT_TRUE(task.cancelled());
  EXPECT_FALSE(task.cancel());
  EXPECT_EQ(task.cancelling(), 0U);
}

TEST_F(TaskCancellationTest, uncancelled_before_its_next_step_goes_on) {
  const auto body = []() -> Task<std::string> {
    co_await sleep({});
    co_return "on";
  };
  const auto task = loop.create_task(body());
  turn();
  task.cancel();
  task.uncancel();
  turn();
  EXPECT_EQ(task.result(), "on");
}

TEST_F(TaskCancellationTest, cancelling_a_future_wakes_everybody_who_waits_for_it) {
  const auto future = loop.create_future<std::string>();
  const auto first = loop.create_task(watching(future));
  const auto second = loop.create_task(watching(future));
  turn();
  first.cancel("one");
  turn();
  EXPECT_EQ(first.result(), "caught one");
  EXPECT_EQ(second.result(), "caught one");
}

}  // namespace
}  // namespace tidegate
