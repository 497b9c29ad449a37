// timeout, timeout_at and wait_for.
#include <tidegate/shield.hpp>
#include <tidegate/timeout.hpp>

#include "support/loop_fixture.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>

namespace tidegate {
namespace {

using testing::error_of;
using testing::thrown_by;
using namespace std::chrono_literals;

class TimeoutTest : public testing::LoopFixture {};

TEST_F(TimeoutTest, gives_the_result_of_a_body_that_ends_in_time) {
  const auto quick = []() -> Task<std::unique_ptr<int>> {
    co_await sleep({});
    co_return std::make_unique<int>(5);
  };
  const auto body = [&]() -> Task<int> { co_return *co_await timeout(1h, quick); };
  EXPECT_EQ(run(body), 5);
}

TEST_F(TimeoutTest, cancels_a_body_that_takes_too_long_and_throws_timeout_error) {
  bool cancelled = false;
  const auto slow = [&]() -> Task<> {
    try {
      co_await sleep(1h);
    } catch (const CancelledError&) {
      cancelled = true;
      throw;
    }
  };
  std::uint32_t requests_left = 1;
  const auto body = [&]() -> Task<> {
    try {
      co_await timeout(1ms, slow);
    } catch (const TimeoutError&) {
      requests_left = current_task().cancelling();
      throw;
    }
  };
  EXPECT_THROW(run(body), TimeoutError);
  EXPECT_TRUE(cancelled);
  EXPECT_EQ(requests_left, 0U);
}

TEST_F(TimeoutTest, knows_whether_it_expired) {
  std::optional<bool> after;
  bool before = true;
  const auto body = [&]() -> Task<> {
    co_await timeout(0s, [&](Timeout& scope) -> Task<> {
      before = scope.expired();
      try {
        co_await sleep(1h);
      } catch (const CancelledError&) {
        after = scope.expired();
        throw;
      }
    });
  };
  EXPECT_THROW(run(body), TimeoutError);
  EXPECT_FALSE(before);
  EXPECT_EQ(after, true);
}

TEST_F(TimeoutTest, of_nothing_and_less_cancels_at_the_first_await_that_waits) {
  for (const Duration delay : {Duration(0), Duration(-1s)}) {
    bool begun = false;
    const auto body = [&]() -> Task<> {
      co_await timeout(delay, [&]() -> Task<> {
        begun = true;
        co_await sleep(1h);
      });
    };
    EXPECT_THROW(run(body), TimeoutError);
    EXPECT_TRUE(begun);
  }
}

TEST_F(TimeoutTest, of_nothing_does_not_disturb_a_body_that_need_not_wait) {
  const auto body = [&]() -> Task<int> {
    co_return co_await timeout(0s, []() -> Task<int> { co_return 1; });
  };
  EXPECT_EQ(run(body), 1);
}

TEST_F(TimeoutTest, none_never_expires) {
  const auto body = [&]() -> Task<bool> {
    co_return co_await timeout(std::nullopt, [](Timeout& scope) -> Task<bool> {
      co_await sleep({});
      co_return !scope.when().has_value();
    });
  };
  EXPECT_TRUE(run(body));
}

TEST_F(TimeoutTest, can_be_put_off_and_brought_forward) {
  const auto body = [&]() -> Task<bool> {
    co_return co_await timeout(0s, [&](Timeout& scope) -> Task<bool> {
      scope.reschedule(std::nullopt);
      co_await sleep({});
      co_await sleep({});
      scope.reschedule(loop.time());
      try {
        co_await sleep(1h);
      } catch (const CancelledError&) {
        co_return scope.expired();
      }
      co_return false;
    });
  };
  EXPECT_TRUE(run(body));
}

TEST_F(TimeoutTest, can_not_be_rescheduled_once_it_expired) {
  const auto body = [&]() -> Task<std::string> {
    co_return co_await timeout(0s, [&](Timeout& scope) -> Task<std::string> {
      try {
        co_await sleep(1h);
      } catch (const CancelledError&) {
      }
      co_return thrown_by([&] {
        scope.reschedule(std::nullopt);
        return 0;
      });
    });
  };
  EXPECT_EQ(run(body), "Cannot change state of expiring Timeout");
}

TEST_F(TimeoutTest, before_it_is_entered_can_not_be_rescheduled) {
  Timeout scope;
  EXPECT_EQ(thrown_by([&] {
              scope.reschedule(std::nullopt);
              return 0;
            }),
            "Timeout has not been entered");
}

TEST_F(TimeoutTest, at_a_moment_has_that_moment_as_its_deadline) {
  const TimePoint when = loop.time() + 1h;
  const auto body = [&]() -> Task<bool> {
    co_return co_await timeout_at(when,
                                  [&](Timeout& scope) -> Task<bool> { co_return scope.when() == when; });
  };
  EXPECT_TRUE(run(body));
  const auto late = [&]() -> Task<> {
    co_await timeout_at(loop.time() - 1s, []() -> Task<> { co_await sleep(1h); });
  };
  EXPECT_THROW(run(late), TimeoutError);
}

TEST_F(TimeoutTest, leaves_a_cancellation_from_outside_alone) {
  const auto body = [&]() -> Task<> { co_await timeout(1h, []() -> Task<> { co_await sleep(1h); }); };
  const auto task = loop.create_task(body());
  turn();
  task.cancel("outside");
  turn();
  EXPECT_TRUE(task.cancelled());
  EXPECT_EQ(thrown_by([&] {
              task.result();
              return 0;
            }),
            "cancelled: outside");
}

TEST_F(TimeoutTest, a_cancellation_from_outside_wins_where_both_coincide) {
  for (const bool deadline_first : {true, false}) {
    TaskHandle<void> task;
    const auto body = [&]() -> Task<> {
      if (!deadline_first) loop.call_soon([&] { task.cancel(); });
      co_await timeout(0s, [&]() -> Task<> {
        if (deadline_first) loop.call_soon([&] { task.cancel(); });
        co_await sleep(1h);
      });
    };
    task = loop.create_task(body());
    turn(3);
    EXPECT_TRUE(task.cancelled());
    EXPECT_EQ(task.cancelling(), 1U);
  }
}

TEST_F(TimeoutTest, nested_ones_expire_from_the_outside) {
  std::string seen;
  const auto body = [&]() -> Task<> {
    co_await timeout(0s, [&]() -> Task<> {
      try {
        co_await timeout(1h, []() -> Task<> { co_await sleep(1h); });
      } catch (const CancelledError&) {
        seen = "inner: cancelled";
        throw;
      }
    });
  };
  EXPECT_THROW(run(body), TimeoutError);
  EXPECT_EQ(seen, "inner: cancelled");
}

TEST_F(TimeoutTest, nested_ones_that_expire_together_both_say_so) {
  std::string seen;
  const auto body = [&]() -> Task<> {
    co_await timeout(0s, [&]() -> Task<> {
      try {
        co_await timeout(0s, []() -> Task<> { co_await sleep(1h); });
      } catch (const CancelledError&) {
        seen = "cancelled";
        throw;
      } catch (const TimeoutError&) {
        seen = "timed out";
        throw;
      }
    });
  };
  EXPECT_THROW(run(body), TimeoutError);
}

TEST_F(TimeoutTest, an_exception_of_the_body_passes_even_if_it_expired) {
  const auto body = [&]() -> Task<> {
    co_await timeout(0s, []() -> Task<> {
      try {
        co_await sleep(1h);
      } catch (const CancelledError&) {
        throw std::runtime_error("clean-up failed");
      }
    });
  };
  EXPECT_EQ(thrown_by([&] {
              run(body);
              return 0;
            }),
            "clean-up failed");
}

TEST_F(TimeoutTest, a_body_that_ignores_the_deadline_returns_and_is_cancelled_no_further) {
  const auto body = [&]() -> Task<std::string> {
    auto result = co_await timeout(0s, []() -> Task<std::string> {
      try {
        co_await sleep(1h);
      } catch (const CancelledError&) {
      }
      co_return "anyway";
    });
    co_await sleep({});
    co_return result;
  };
  EXPECT_EQ(run(body), "anyway");
}

TEST_F(TimeoutTest, one_pending_when_the_loop_closes_leaves_nothing) {
  const auto body = [&]() -> Task<> { co_await timeout(1h, []() -> Task<> { co_await sleep(1h); }); };
  static_cast<void>(loop.create_task(body()));
  turn();
  loop.close();
  expected_reports = {"Task was destroyed but it is pending!"};
}

// --- wait_for ----------------------------------------------------------------------------------------------

class WaitForTest : public testing::LoopFixture {};

TEST_F(WaitForTest, runs_a_task_within_the_current_one) {
  const auto inner = []() -> Task<AnyTask> { co_return current_task(); };
  const auto body = [&]() -> Task<bool> { co_return co_await wait_for(inner(), 1h) == current_task(); };
  EXPECT_TRUE(run(body));
}

TEST_F(WaitForTest, throws_timeout_error_and_cancels_the_task) {
  const auto body = []() -> Task<> { co_await wait_for(sleep(1h), 1ms); };
  EXPECT_THROW(run(body), TimeoutError);
}

TEST_F(WaitForTest, without_a_limit_waits_as_long_as_it_takes) {
  const auto body = []() -> Task<> { co_await wait_for(sleep(1ms), std::nullopt); };
  run(body);
}

TEST_F(WaitForTest, with_no_time_never_begins_the_task) {
  bool begun = false;
  const auto inner = [&]() -> Task<> {
    begun = true;
    co_return;
  };
  for (const Duration limit : {Duration(0), Duration(-1s)}) {
    const auto body = [&]() -> Task<> { co_await wait_for(inner(), limit); };
    EXPECT_THROW(run(body), TimeoutError);
  }
  EXPECT_FALSE(begun);
}

TEST_F(WaitForTest, with_no_time_takes_what_is_done_already) {
  const auto future = loop.create_future<std::string>();
  future.set_result("done");
  const auto body = [&]() -> Task<std::string> { co_return co_await wait_for(future, 0s); };
  EXPECT_EQ(run(body), "done");
}

TEST_F(WaitForTest, with_no_time_cancels_a_future) {
  const auto future = loop.create_future<int>();
  const auto body = [&]() -> Task<int> { co_return co_await wait_for(future, 0s); };
  EXPECT_THROW(run(body), TimeoutError);
  EXPECT_TRUE(future.cancelled());
}

TEST_F(WaitForTest, cancels_the_running_task_that_is_late) {
  const auto task = loop.create_task(sleep(1h));
  const auto body = [&]() -> Task<> { co_await wait_for(task, 1ms); };
  EXPECT_THROW(run(body), TimeoutError);
  EXPECT_TRUE(task.cancelled());
}

TEST_F(WaitForTest, returns_what_a_task_returns_in_spite_of_the_deadline) {
  const auto inner = []() -> Task<int> {
    try {
      co_await sleep(1h);
    } catch (const CancelledError&) {
    }
    co_return 42;
  };
  const auto body = [&]() -> Task<int> { co_return co_await wait_for(inner(), 1ms); };
  EXPECT_EQ(run(body), 42);
}

TEST_F(WaitForTest, with_a_shield_leaves_the_task_running) {
  const auto task = loop.create_task(sleep(1h));
  const auto body = [&]() -> Task<> { co_await wait_for(shield(task), 1ms); };
  EXPECT_THROW(run(body), TimeoutError);
  EXPECT_FALSE(task.done());
  task.cancel();
  turn(2);
}

TEST_F(WaitForTest, cancelled_from_outside_cancels_what_it_waits_for) {
  const auto future = loop.create_future<int>();
  const auto body = [&]() -> Task<int> { co_return co_await wait_for(future, 1h); };
  const auto task = loop.create_task(body());
  turn();
  task.cancel();
  turn();
  EXPECT_TRUE(task.cancelled());
  EXPECT_TRUE(future.cancelled());
}

TEST_F(WaitForTest, moves_what_can_not_be_copied) {
  const auto make = []() -> Task<std::unique_ptr<int>> { co_return std::make_unique<int>(3); };
  const auto body = [&]() -> Task<int> {
    auto inside = co_await wait_for(make(), 1h);
    auto beside = co_await wait_for(loop.create_task(make()), 1h);
    co_return *inside + *beside;
  };
  EXPECT_EQ(run(body), 6);
}

}  // namespace
}  // namespace tidegate
