// run and run_until_complete: how a program's main task begins and ends.
#include "support/loop_fixture.hpp"

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace tidegate {
namespace {

using testing::error_of;
using testing::LogCollector;
using testing::thrown_by;
using namespace std::chrono_literals;

class RunTest : public testing::LoopFixture {};

Task<int> number(int value) {
  co_await sleep({});
  co_return value;
}

TEST(RunFunctionTest, returns_what_the_task_returns) {
  EXPECT_EQ(tidegate::run(number(4)), 4);
  const auto make = []() -> Task<std::unique_ptr<int>> { co_return std::make_unique<int>(5); };
  EXPECT_EQ(*tidegate::run(make()), 5);
  tidegate::run(sleep({}));
}

TEST(RunFunctionTest, throws_what_the_task_throws) {
  const auto body = []() -> Task<> {
    co_await sleep({});
    throw std::runtime_error("storm");
  };
  EXPECT_EQ(thrown_by([&] {
              tidegate::run(body());
              return 0;
            }),
            "storm");
}

TEST(RunFunctionTest, cancels_the_tasks_that_are_left_and_waits_for_them) {
  std::vector<std::string> log;
  const auto left = [&]() -> Task<> {
    try {
      co_await sleep(1h);
    } catch (const CancelledError&) {
    }
    co_await sleep({});
    log.push_back("cleaned up");
  };
  const auto body = [&]() -> Task<> {
    static_cast<void>(get_running_loop().create_task(left()));
    co_await sleep({});
    log.push_back("main ends");
  };
  tidegate::run(body());
  EXPECT_EQ(log, (std::vector<std::string>{"main ends", "cleaned up"}));
}

TEST(RunFunctionTest, cancels_them_also_when_the_task_fails) {
  bool cancelled = false;
  const auto left = [&]() -> Task<> {
    try {
      co_await sleep(1h);
    } catch (const CancelledError&) {
      cancelled = true;
      throw;
    }
  };
  const auto body = [&]() -> Task<> {
    static_cast<void>(get_running_loop().create_task(left()));
    co_await sleep({});
    throw std::runtime_error("storm");
  };
  EXPECT_EQ(thrown_by([&] {
              tidegate::run(body());
              return 0;
            }),
            "storm");
  EXPECT_TRUE(cancelled);
}

TEST(RunFunctionTest, reports_those_that_fail_instead_of_stopping) {
  std::vector<std::string> reports;
  const auto left = []() -> Task<> {
    try {
      co_await sleep(1h);
    } catch (const CancelledError&) {
      throw std::runtime_error("would not go quietly");
    }
  };
  const auto body = [&]() -> Task<> {
    Loop& loop = get_running_loop();
    loop.set_exception_handler([&](Loop&, const ExceptionContext& context) {
      reports.push_back(context.message + ": " + describe(context.exception));
    });
    static_cast<void>(loop.create_task(left()));
    co_await sleep({});
  };
  tidegate::run(body());
  EXPECT_EQ(reports,
            (std::vector<std::string>{"unhandled exception during run() shutdown: would not go quietly"}));
}

TEST(RunFunctionTest, waits_for_the_threads_of_the_executor) {
  std::atomic<bool> ended = false;
  std::atomic<bool> begun = false;
  const auto body = [&]() -> Task<> {
    static_cast<void>(get_running_loop().run_in_executor([&ended, &begun] {
      begun = true;
      begun.notify_all();
      std::this_thread::yield();
      ended = true;
    }));
    begun.wait(false);
    co_return;
  };
  tidegate::run(body());
  EXPECT_TRUE(ended);
}

TEST_F(RunTest, refuses_where_a_loop_runs_on_this_thread_already) {
  LogCollector log;
  const auto body = []() -> Task<std::string> {
    co_return thrown_by([] { return tidegate::run(number(1)); });
  };
  EXPECT_EQ(run(body), "Cannot run the event loop while another loop is running");
}

TEST_F(RunTest, run_until_complete_does_not_run_within_itself) {
  LogCollector log;
  const auto body = [&]() -> Task<std::string> {
    co_return thrown_by([&] { return loop.run_until_complete(number(1)); });
  };
  EXPECT_EQ(run(body), "This event loop is already running");
  EXPECT_TRUE(all_tasks(loop).empty());
}

TEST_F(RunTest, run_until_complete_takes_a_future_that_is_done) {
  const auto future = loop.create_future<int>();
  future.set_result(1);
  EXPECT_EQ(loop.run_until_complete(future), 1);
}

TEST_F(RunTest, run_until_complete_says_when_it_was_stopped_first) {
  const auto body = [&]() -> Task<> {
    loop.stop();
    co_await sleep(1h);
  };
  EXPECT_EQ(thrown_by([&] {
              run(body);
              return 0;
            }),
            "Event loop stopped before Future completed.");
  for (const AnyTask& task : all_tasks(loop)) task.cancel();
  turn();
  EXPECT_TRUE(all_tasks(loop).empty());
}

TEST_F(RunTest, a_stopped_run_leaves_no_stop_behind) {
  const auto future = loop.create_future<void>();
  loop.call_soon([&] { loop.stop(); });
  EXPECT_THROW(loop.run_until_complete(future), InvalidStateError);
  future.set_result();
  EXPECT_EQ(loop.run_until_complete(number(3)), 3);
}

TEST_F(RunTest, run_until_complete_refuses_a_closed_loop) {
  LogCollector log;
  loop.close();
  EXPECT_EQ(thrown_by([&] { return loop.run_until_complete(number(1)); }), "Event loop is closed");
}

}  // namespace
}  // namespace tidegate
