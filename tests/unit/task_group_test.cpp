// task_group.
#include <tidegate/task_group.hpp>
#include <tidegate/timeout.hpp>

#include "support/loop_fixture.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace tidegate {
namespace {

using testing::error_of;
using testing::LogCollector;
using testing::thrown_by;
using namespace std::chrono_literals;

class TaskGroupTest : public testing::LoopFixture {
 protected:
  /// The texts of the errors that a group throws.
  template <typename Body>
  std::vector<std::string> errors_of(const Body& body) {
    try {
      loop.run_until_complete(body());
    } catch (const ExceptionGroup& group) {
      std::vector<std::string> texts;
      for (const std::exception_ptr& error : group.exceptions()) texts.push_back(describe(error));
      return texts;
    }
    return {"no group"};
  }
};

using Texts = std::vector<std::string>;

Task<int> number(int value) {
  co_await sleep({});
  co_return value;
}

Task<void> failing(std::string text, int turns = 0) {
  for (; turns > 0; --turns) co_await sleep({});
  throw std::runtime_error(text);
}

TEST_F(TaskGroupTest, ends_when_its_body_and_its_tasks_have) {
  const auto body = []() -> Task<int> {
    std::optional<TaskHandle<int>> first;
    std::optional<TaskHandle<int>> second;
    const int own = co_await task_group([&](TaskGroup& group) -> Task<int> {
      first = group.create_task(number(10));
      second = group.create_task(number(20));
      co_return 1;
    });
    co_return own + first->result() + second->result();
  };
  EXPECT_EQ(run(body), 31);
}

TEST_F(TaskGroupTest, of_nothing_ends_at_once) {
  const auto body = []() -> Task<> { co_await task_group([](TaskGroup&) -> Task<> { co_return; }); };
  const auto task = loop.create_task(body());
  turn();
  EXPECT_TRUE(task.done());
}

TEST_F(TaskGroupTest, a_task_may_add_tasks) {
  std::string log;
  const auto grandchild = [&]() -> Task<> {
    co_await sleep({});
    log += "grandchild";
  };
  const auto child = [&](TaskGroup group) -> Task<> {
    co_await sleep({});
    group.create_task(grandchild());
  };
  const auto body = [&]() -> Task<> {
    co_await task_group([&](TaskGroup& group) -> Task<> {
      group.create_task(child(group));
      co_return;
    });
    log += " then end";
  };
  run(body);
  EXPECT_EQ(log, "grandchild then end");
}

TEST_F(TaskGroupTest, a_failing_task_cancels_its_siblings_and_the_body) {
  bool sibling_cancelled = false;
  bool body_cancelled = false;
  std::uint32_t requests_left = 1;
  const auto sibling = [&]() -> Task<> {
    try {
      co_await sleep(1h);
    } catch (const CancelledError&) {
      sibling_cancelled = true;
      throw;
    }
  };
  const auto body = [&]() -> Task<> {
    try {
      co_await task_group([&](TaskGroup& group) -> Task<> {
        group.create_task(sibling());
        group.create_task(failing("storm"));
        try {
          co_await sleep(1h);
        } catch (const CancelledError&) {
          body_cancelled = true;
          throw;
        }
      });
    } catch (const ExceptionGroup&) {
      requests_left = current_task().cancelling();
      throw;
    }
  };
  EXPECT_EQ(errors_of(body), Texts{"storm"});
  EXPECT_TRUE(sibling_cancelled);
  EXPECT_TRUE(body_cancelled);
  EXPECT_EQ(requests_left, 0U);
}

TEST_F(TaskGroupTest, throws_every_error_in_the_order_of_failing) {
  const auto late = [](std::string text) -> Task<> {
    try {
      co_await sleep(1h);
    } catch (const CancelledError&) {
      throw std::runtime_error(text);
    }
  };
  const auto body = [&]() -> Task<> {
    co_await task_group([&](TaskGroup& group) -> Task<> {
      group.create_task(late("second"));
      group.create_task(failing("first", 1));
      group.create_task(late("third"));
      co_return;
    });
  };
  EXPECT_EQ(errors_of(body), (Texts{"first", "second", "third"}));
  EXPECT_NE(thrown_by([&] {
              run(body);
              return 0;
            }).find("unhandled errors in a TaskGroup (3 sub-exceptions)"),
            std::string::npos);
}

TEST_F(TaskGroupTest, a_failing_body_cancels_its_tasks) {
  TaskHandle<void> task;
  const auto body = [&]() -> Task<> {
    co_await task_group([&](TaskGroup& group) -> Task<> {
      task = group.create_task(sleep(1h));
      co_await sleep({});
      throw std::runtime_error("body");
    });
  };
  EXPECT_EQ(errors_of(body), Texts{"body"});
  EXPECT_TRUE(task.cancelled());
}

TEST_F(TaskGroupTest, errors_of_the_tasks_stand_before_that_of_the_body) {
  const auto late = []() -> Task<> {
    try {
      co_await sleep(1h);
    } catch (const CancelledError&) {
      throw std::runtime_error("task");
    }
  };
  const auto body = [&]() -> Task<> {
    co_await task_group([&](TaskGroup& group) -> Task<> {
      group.create_task(late());
      co_await sleep({});
      throw std::runtime_error("body");
    });
  };
  EXPECT_EQ(errors_of(body), (Texts{"task", "body"}));
}

TEST_F(TaskGroupTest, a_cancelled_task_is_no_error) {
  const auto body = []() -> Task<int> {
    co_return co_await task_group([](TaskGroup& group) -> Task<int> {
      const auto task = group.create_task(sleep(1h));
      co_await sleep({});
      task.cancel();
      co_return 1;
    });
  };
  EXPECT_EQ(run(body), 1);
}

TEST_F(TaskGroupTest, a_cancellation_from_outside_cancels_everything_and_passes) {
  for (const bool body_waits : {true, false}) {
    TaskHandle<void> inner;
    const auto body = [&]() -> Task<> {
      co_await task_group([&](TaskGroup& group) -> Task<> {
        inner = group.create_task(sleep(1h));
        if (body_waits) co_await sleep(1h);
      });
    };
    const auto task = loop.create_task(body());
    turn(2);
    task.cancel("outside");
    turn(4);
    EXPECT_TRUE(inner.cancelled());
    EXPECT_TRUE(task.cancelled());
    EXPECT_EQ(task.cancelling(), 1U);
  }
}

TEST_F(TaskGroupTest, waits_for_tasks_that_are_slow_to_stop_however_often_it_is_cancelled) {
  const auto release = loop.create_future<void>();
  bool cleaned = false;
  const auto slow = [&]() -> Task<> {
    try {
      co_await sleep(1h);
    } catch (const CancelledError&) {
    }
    co_await release;
    cleaned = true;
  };
  const auto body = [&]() -> Task<> {
    co_await task_group([&](TaskGroup& group) -> Task<> {
      group.create_task(slow());
      co_return;
    });
  };
  const auto task = loop.create_task(body());
  turn(2);
  for (int i = 0; i < 3; ++i) {
    task.cancel();
    turn(2);
    EXPECT_FALSE(task.done());
  }
  release.set_result();
  turn(4);
  EXPECT_TRUE(cleaned);
  EXPECT_TRUE(task.cancelled());
}

TEST_F(TaskGroupTest, errors_come_before_a_cancellation_from_outside_which_is_heard_next) {
  std::string order;
  const auto late = []() -> Task<> {
    try {
      co_await sleep(1h);
    } catch (const CancelledError&) {
      throw std::runtime_error("late");
    }
  };
  const auto body = [&]() -> Task<> {
    try {
      co_await task_group([&](TaskGroup& group) -> Task<> {
        group.create_task(late());
        co_return;
      });
    } catch (const ExceptionGroup&) {
      order += "group ";
    }
    try {
      co_await sleep(1h);
    } catch (const CancelledError&) {
      order += "cancelled";
      throw;
    }
  };
  const auto task = loop.create_task(body());
  turn(2);
  task.cancel();
  turn(6);
  EXPECT_EQ(order, "group cancelled");
  EXPECT_TRUE(task.cancelled());
  EXPECT_EQ(task.cancelling(), 1U);
}

TEST_F(TaskGroupTest, after_a_failure_the_task_goes_on_uncancelled) {
  const auto body = []() -> Task<std::string> {
    try {
      co_await task_group([](TaskGroup& group) -> Task<> {
        group.create_task(failing("storm"));
        co_await sleep(1h);
      });
    } catch (const ExceptionGroup&) {
    }
    co_await sleep({});
    co_return "on";
  };
  EXPECT_EQ(run(body), "on");
}

TEST_F(TaskGroupTest, can_be_nested) {
  const auto body = []() -> Task<> {
    co_await task_group([](TaskGroup& outer) -> Task<> {
      outer.create_task(sleep(1h));
      co_await task_group([](TaskGroup& inner) -> Task<> {
        inner.create_task(failing("deep"));
        co_return;
      });
    });
  };
  try {
    run(body);
    ADD_FAILURE();
  } catch (const ExceptionGroup& outer) {
    ASSERT_EQ(outer.exceptions().size(), 1U);
    EXPECT_THROW(std::rethrow_exception(outer.exceptions()[0]), ExceptionGroup);
  }
}

TEST_F(TaskGroupTest, within_a_timeout_is_cancelled_by_it) {
  const auto grouped = []() -> Task<> {
    co_await task_group([](TaskGroup& group) -> Task<> {
      group.create_task(sleep(1h));
      co_return;
    });
  };
  const auto body = [&]() -> Task<> { co_await timeout(1ms, grouped); };
  EXPECT_THROW(run(body), TimeoutError);
}

TEST_F(TaskGroupTest, takes_no_task_once_it_has_ended) {
  LogCollector log;
  std::optional<TaskGroup> kept;
  const auto body = [&]() -> Task<> {
    co_await task_group([&](TaskGroup& group) -> Task<> {
      kept = group;
      co_return;
    });
  };
  run(body);
  EXPECT_EQ(thrown_by([&] { return kept->create_task(number(1)); }), "TaskGroup is finished");
  EXPECT_TRUE(log.lines.empty());
}

TEST_F(TaskGroupTest, takes_no_task_while_it_shuts_down) {
  std::string refusal;
  const auto body = [&]() -> Task<> {
    co_await task_group([&](TaskGroup& group) -> Task<> {
      group.create_task(failing("storm"));
      try {
        co_await sleep(1h);
      } catch (const CancelledError&) {
        refusal = thrown_by([&] { return group.create_task(number(1)); });
        throw;
      }
    });
  };
  EXPECT_EQ(errors_of(body), Texts{"storm"});
  EXPECT_EQ(refusal, "TaskGroup is shutting down");
}

TEST_F(TaskGroupTest, pending_when_the_loop_closes_leaves_nothing) {
  const auto body = []() -> Task<> {
    co_await task_group([](TaskGroup& group) -> Task<> {
      group.create_task(sleep(1h));
      group.create_task(number(1));
      co_return;
    });
  };
  static_cast<void>(loop.create_task(body()));
  turn(3);
  loop.close();
  expected_reports = {"Task was destroyed but it is pending!", "Task was destroyed but it is pending!"};
}

}  // namespace
}  // namespace tidegate
