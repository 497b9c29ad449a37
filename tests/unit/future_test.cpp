// Futures by themselves, without tasks.
#include <tidegate/future.hpp>

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

class FutureTest : public testing::LoopFixture {};

TEST_F(FutureTest, is_pending_until_something_is_set) {
  const auto future = loop.create_future<int>();
  EXPECT_FALSE(future.done());
  EXPECT_FALSE(future.cancelled());
  EXPECT_EQ(thrown_by([&] { return future.result(); }), "Result is not set.");
  EXPECT_EQ(thrown_by([&] { return future.exception(); }), "Exception is not set.");
}

TEST_F(FutureTest, gives_the_result_that_was_set) {
  const auto future = loop.create_future<std::string>();
  future.set_result("tide");
  EXPECT_TRUE(future.done());
  EXPECT_FALSE(future.cancelled());
  EXPECT_EQ(future.result(), "tide");
  EXPECT_EQ(future.exception(), nullptr);
}

TEST_F(FutureTest, throws_the_exception_that_was_set) {
  const auto future = loop.create_future<void>();
  const std::exception_ptr error = error_of("storm");
  future.set_exception(error);
  EXPECT_TRUE(future.done());
  EXPECT_FALSE(future.cancelled());
  EXPECT_EQ(future.exception(), error);
  EXPECT_EQ(thrown_by([&] {
              future.result();
              return 0;
            }),
            "storm");
}

TEST_F(FutureTest, is_completed_only_once) {
  const auto future = loop.create_future<int>();
  future.set_result(1);
  EXPECT_EQ(thrown_by([&] {
              future.set_result(2);
              return 0;
            }),
            "invalid state");
  EXPECT_EQ(thrown_by([&] {
              future.set_exception(error_of("late"));
              return 0;
            }),
            "invalid state");
  EXPECT_FALSE(future.cancel());
  EXPECT_EQ(future.result(), 1);
}

TEST_F(FutureTest, refuses_null_as_an_exception) {
  const auto future = loop.create_future<int>();
  EXPECT_THROW(future.set_exception(nullptr), std::invalid_argument);
  EXPECT_FALSE(future.done());
}

TEST_F(FutureTest, throws_cancelled_error_with_the_reason_once_cancelled) {
  const auto future = loop.create_future<int>();
  EXPECT_TRUE(future.cancel("low water"));
  EXPECT_TRUE(future.cancelled());
  EXPECT_TRUE(future.done());
  EXPECT_FALSE(future.cancel());
  EXPECT_EQ(thrown_by([&] { return future.result(); }), "cancelled: low water");
  EXPECT_EQ(thrown_by([&] { return future.exception(); }), "cancelled: low water");
  EXPECT_EQ(thrown_by([&] {
              future.set_result(1);
              return 0;
            }),
            "invalid state");
}

TEST_F(FutureTest, calls_its_callbacks_soon_and_in_the_order_of_adding) {
  const auto future = loop.create_future<int>();
  std::vector<std::string> calls;
  for (const char* name : {"a", "b", "c"}) {
    future.add_done_callback(
        [&calls, name](const Future<int>& done) { calls.push_back(name + std::to_string(done.result())); });
  }
  future.set_result(7);
  EXPECT_TRUE(calls.empty());
  turn();
  EXPECT_EQ(calls, (std::vector<std::string>{"a7", "b7", "c7"}));
}

TEST_F(FutureTest, calls_a_callback_soon_that_is_added_when_it_is_done) {
  const auto future = loop.create_future<int>();
  future.cancel();
  int calls = 0;
  future.add_done_callback([&calls](const Future<int>& done) { calls += done.cancelled() ? 1 : 100; });
  EXPECT_EQ(calls, 0);
  turn();
  EXPECT_EQ(calls, 1);
}

TEST_F(FutureTest, queues_its_callbacks_among_those_of_call_soon) {
  const auto future = loop.create_future<void>();
  std::vector<int> calls;
  future.add_done_callback([&calls](const Future<void>&) { calls.push_back(2); });
  loop.call_soon([&calls] { calls.push_back(1); });
  future.set_result();
  loop.call_soon([&calls] { calls.push_back(3); });
  turn();
  EXPECT_EQ(calls, (std::vector<int>{1, 2, 3}));
}

TEST_F(FutureTest, reports_a_callback_that_throws_and_calls_the_others) {
  const auto future = loop.create_future<void>();
  bool called = false;
  future.add_done_callback([](const Future<void>&) { throw std::runtime_error("rock"); });
  future.add_done_callback([&called](const Future<void>&) { called = true; });
  future.set_result();
  turn();
  EXPECT_TRUE(called);
  expected_reports = {"Exception in callback"};
}

TEST_F(FutureTest, lives_for_its_callbacks_after_the_last_handle) {
  std::string seen;
  auto future = loop.create_future<std::string>();
  future.add_done_callback([&seen](Future<std::string> done) { seen = std::move(done).result(); });
  future.set_result("kept");
  future = {};
  turn();
  EXPECT_EQ(seen, "kept");
}

TEST_F(FutureTest, destroys_its_callbacks_with_itself) {
  const auto token = std::make_shared<int>(0);
  {
    const auto future = loop.create_future<int>();
    future.add_done_callback([token](const Future<int>&) {});
    future.add_done_callback([token](const Future<int>&) {});
    EXPECT_EQ(token.use_count(), 3);
  }
  EXPECT_EQ(token.use_count(), 1);
}

TEST_F(FutureTest, reports_an_exception_that_nobody_asked_for) {
  loop.create_future<int>().set_exception(error_of("unheard"));
  ASSERT_EQ(reports.size(), 1U);
  EXPECT_EQ(reports[0].exception, "unheard");
  expected_reports = {"Future exception was never retrieved"};
}

TEST_F(FutureTest, reports_no_exception_that_was_asked_for_or_cancelled_after) {
  const auto asked = loop.create_future<int>();
  asked.set_exception(error_of("heard"));
  static_cast<void>(asked.exception());
  const auto cancelled = loop.create_future<int>();
  cancelled.set_exception(error_of("not wanted"));
  EXPECT_FALSE(cancelled.cancel());
}

TEST_F(FutureTest, reports_no_cancelled_error) {
  loop.create_future<int>().cancel();
  loop.create_future<int>().set_exception(std::make_exception_ptr(CancelledError()));
}

TEST_F(FutureTest, moves_out_what_can_not_be_copied) {
  auto future = loop.create_future<std::unique_ptr<int>>();
  future.set_result(std::make_unique<int>(5));
  EXPECT_EQ(*future.result(), 5);
  const std::unique_ptr<int> taken = std::move(future).result();
  EXPECT_EQ(*taken, 5);
}

TEST_F(FutureTest, moves_a_result_out_only_where_nobody_else_holds_it) {
  auto first = loop.create_future<std::string>();
  first.set_result(std::string(100, 'x'));
  auto second = first;
  EXPECT_EQ(std::move(first).result().size(), 100U);
  EXPECT_EQ(second.result().size(), 100U);
  const char* where = second.result().data();
  const std::string taken = std::move(second).result();
  EXPECT_EQ(taken.data(), where);
}

TEST(FutureAndLoopTest, a_future_outlives_its_loop) {
  std::optional<Loop> loop(std::in_place);
  const auto future = loop->create_future<int>();
  const auto token = std::make_shared<int>(0);
  future.add_done_callback([token](const Future<int>&) {});
  loop.reset();
  future.set_result(3);
  EXPECT_EQ(future.result(), 3);
  EXPECT_EQ(token.use_count(), 1);
  future.add_done_callback([token](const Future<int>&) {});
  EXPECT_EQ(token.use_count(), 1);
}

TEST(FutureAndLoopTest, an_unheard_exception_goes_to_the_log_when_the_loop_is_gone) {
  LogCollector log;
  {
    std::optional<Loop> loop(std::in_place);
    const auto future = loop->create_future<int>();
    loop.reset();
    future.set_exception(error_of("adrift"));
  }
  EXPECT_EQ(log.lines, (std::vector<std::string>{"Future exception was never retrieved: adrift"}));
}

TEST(FutureAndLoopTest, completing_a_future_of_a_closed_loop_calls_nobody) {
  Loop loop;
  const auto future = loop.create_future<int>();
  bool called = false;
  future.add_done_callback([&called](const Future<int>&) { called = true; });
  loop.close();
  future.set_result(1);
  EXPECT_FALSE(called);
}

TEST(FutureAndLoopTest, a_callback_that_is_queued_when_the_loop_closes_is_destroyed) {
  const auto token = std::make_shared<int>(0);
  Loop loop;
  const auto future = loop.create_future<int>();
  future.add_done_callback([token](const Future<int>&) {});
  future.set_result(1);
  loop.close();
  EXPECT_EQ(token.use_count(), 1);
}

}  // namespace
}  // namespace tidegate
