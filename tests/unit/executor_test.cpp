// run_in_executor.
#include "support/loop_fixture.hpp"

#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace tidegate {
namespace {

using testing::thrown_by;

class ExecutorTest : public testing::LoopFixture {};

/// A door that threads wait at until it is opened.
class Door {
 public:
  void open() { opened_.set_value(); }
  void pass() const { passed_.wait(); }

 private:
  std::promise<void> opened_;
  std::shared_future<void> passed_ = opened_.get_future().share();
};

TEST_F(ExecutorTest, runs_a_function_on_another_thread_and_gives_its_result) {
  const auto body = [&]() -> Task<bool> {
    const auto here = std::this_thread::get_id();
    co_return co_await loop.run_in_executor([] { return std::this_thread::get_id(); }) != here;
  };
  EXPECT_TRUE(run(body));
}

TEST_F(ExecutorTest, gives_nothing_for_void_and_what_can_not_be_copied) {
  std::atomic<int> calls = 0;
  const auto body = [&]() -> Task<int> {
    co_await loop.run_in_executor([&calls] { ++calls; });
    const auto result = co_await loop.run_in_executor([] { return std::make_unique<int>(3); });
    co_return *result;
  };
  EXPECT_EQ(run(body), 3);
  EXPECT_EQ(calls, 1);
}

TEST_F(ExecutorTest, fails_with_what_the_function_throws) {
  const auto body = [&]() -> Task<int> {
    co_return co_await loop.run_in_executor([]() -> int { throw std::runtime_error("thread"); });
  };
  EXPECT_EQ(thrown_by([&] { return run(body); }), "thread");
}

TEST_F(ExecutorTest, keeps_a_function_that_is_named_and_holds_something) {
  const auto text = std::make_shared<std::string>("held");
  const auto body = [&]() -> Task<std::string> {
    auto job = [text] { return *text; };
    co_return co_await loop.run_in_executor(std::ref(job));
  };
  EXPECT_EQ(run(body), "held");
  auto job = [text] { return text->size(); };
  auto future = loop.run_in_executor(job);
  EXPECT_EQ(loop.run_until_complete(future), 4U);
}

TEST(ExecutorLimitTest, cancelled_before_it_starts_never_runs) {
  LoopOptions options;
  options.executor_threads = 1;
  Loop loop(options);
  Door door;
  bool ran = false;
  const auto first = loop.run_in_executor([&door] { door.pass(); });
  const auto second = loop.run_in_executor([&ran] { ran = true; });
  EXPECT_TRUE(second.cancel());
  EXPECT_TRUE(second.cancelled());
  door.open();
  loop.run_until_complete(first);
  loop.run_until_complete(loop.run_in_executor([] {}));  // the one thread has passed the second by now
  EXPECT_FALSE(ran);
}

TEST_F(ExecutorTest, cancelled_while_it_runs_drops_the_result) {
  Door door;
  std::promise<void> begun;
  std::atomic<bool> ended = false;
  const auto future = loop.run_in_executor([&] {
    begun.set_value();
    door.pass();
    ended = true;
    return std::make_shared<int>(1);
  });
  begun.get_future().wait();
  EXPECT_TRUE(future.cancel());
  door.open();
  loop.close();
  EXPECT_TRUE(ended);
  EXPECT_TRUE(future.cancelled());
}

TEST_F(ExecutorTest, closing_the_loop_waits_for_what_runs_and_drops_its_result) {
  Door door;
  const auto token = std::make_shared<int>(0);
  std::promise<void> begun;
  const auto future = [&] {
    auto job = [&begun, &door, token] {
      begun.set_value();
      door.pass();
      return token;
    };
    return loop.run_in_executor(UniqueFunction<std::shared_ptr<int>()>(std::move(job)));
  }();
  begun.get_future().wait();
  std::thread opener([&door] { door.open(); });
  loop.close();
  opener.join();
  EXPECT_FALSE(future.done());
  EXPECT_EQ(token.use_count(), 1);
}

TEST_F(ExecutorTest, an_unheard_exception_is_reported) {
  {
    static_cast<void>(loop.run_in_executor([] { throw std::runtime_error("unheard"); }));
  }
  loop.run_until_complete(loop.run_in_executor([] { std::this_thread::yield(); }));
  while (reports.empty()) turn();
  expected_reports = {"Future exception was never retrieved"};
}

TEST_F(ExecutorTest, refuses_once_the_loop_is_closed) {
  loop.close();
  EXPECT_EQ(thrown_by([&] { return loop.run_in_executor([] {}); }), "Event loop is closed");
}

TEST_F(ExecutorTest, many_jobs_all_come_back) {
  const auto body = [&]() -> Task<int> {
    std::vector<Future<int>> futures;
    for (int i = 0; i < 200; ++i) futures.push_back(loop.run_in_executor([i] { return i; }));
    int sum = 0;
    for (const auto& future : futures) sum += co_await future;
    co_return sum;
  };
  EXPECT_EQ(run(body), 199 * 100);
}

}  // namespace
}  // namespace tidegate
