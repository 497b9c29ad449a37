// shield.
#include <tidegate/shield.hpp>

#include "support/loop_fixture.hpp"

#include <memory>

namespace tidegate {
namespace {

using testing::error_of;
using testing::thrown_by;

class ShieldTest : public testing::LoopFixture {};

TEST_F(ShieldTest, passes_results_and_failures_on) {
  const auto good = loop.create_future<int>();
  const auto bad = loop.create_future<int>();
  const auto gone = loop.create_future<int>();
  const auto good_shield = shield(good);
  const auto bad_shield = shield(bad);
  const auto gone_shield = shield(gone);
  good.set_result(1);
  bad.set_exception(error_of("bad"));
  gone.cancel("off");
  turn();
  EXPECT_EQ(good_shield.result(), 1);
  EXPECT_EQ(thrown_by([&] { return bad_shield.result(); }), "bad");
  EXPECT_TRUE(gone_shield.cancelled());
  EXPECT_EQ(thrown_by([&] { return gone_shield.result(); }), "cancelled: off");
}

TEST_F(ShieldTest, is_the_future_itself_where_that_is_done) {
  const auto future = loop.create_future<int>();
  future.set_result(1);
  EXPECT_EQ(shield(future), future);
}

TEST_F(ShieldTest, keeps_a_cancellation_away) {
  const auto future = loop.create_future<int>();
  const auto body = [&]() -> Task<int> { co_return co_await shield(future); };
  const auto task = loop.create_task(body());
  turn();
  task.cancel();
  turn(2);
  EXPECT_TRUE(task.cancelled());
  EXPECT_FALSE(future.done());
  future.set_result(1);
  turn();
}

TEST_F(ShieldTest, lets_the_task_run_on) {
  int ended = 0;
  const auto inner = [&]() -> Task<> {
    co_await sleep({});
    ++ended;
  };
  const auto body = [&]() -> Task<> { co_await shield(inner()); };
  const auto task = loop.create_task(body());
  turn();
  task.cancel();
  turn(3);
  EXPECT_TRUE(task.cancelled());
  EXPECT_EQ(ended, 1);
}

TEST_F(ShieldTest, a_failure_after_the_cancellation_is_reported) {
  {
    auto future = loop.create_future<int>();
    const auto shielded = shield(future);
    shielded.cancel();
    future.set_exception(error_of("unheard"));
  }
  expected_reports = {"Future exception was never retrieved"};
}

TEST_F(ShieldTest, cancelled_with_the_result_on_its_way_stays_cancelled) {
  const auto future = loop.create_future<int>();
  const auto shielded = shield(future);
  future.set_result(1);
  EXPECT_TRUE(shielded.cancel());
  turn();
  EXPECT_TRUE(shielded.cancelled());
}

TEST_F(ShieldTest, moves_what_can_not_be_copied) {
  const auto make = []() -> Task<std::unique_ptr<int>> { co_return std::make_unique<int>(3); };
  const auto body = [&]() -> Task<int> { co_return *co_await shield(make()); };
  EXPECT_EQ(run(body), 3);
}

TEST_F(ShieldTest, one_that_is_dropped_is_forgotten) {
  const auto future = loop.create_future<int>();
  { const auto dropped = shield(future); }
  future.set_result(1);
  turn();
}

}  // namespace
}  // namespace tidegate
