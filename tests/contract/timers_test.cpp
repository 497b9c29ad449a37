// Timers (E1): in the order of their deadlines, never early, freed at once when cancelled, and a million of
// them at a time.
#include <tidegate/tidegate.hpp>

#include "contract/loop_rig.hpp"

#include <algorithm>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <vector>

namespace tidegate {
namespace {

using namespace std::chrono_literals;
using loop_rig::LoopTest;
using testing::ElementsAre;

class Timers_E1 : public LoopTest {};

TEST_F(Timers_E1, run_in_the_order_of_their_deadlines) {
  std::vector<int> ran;
  loop().call_later(3ms, [&] { ran.push_back(3); });
  loop().call_later(1ms, [&] { ran.push_back(1); });
  loop().call_later(2ms, [&] { ran.push_back(2); });
  EXPECT_TRUE(run_until([&] { return ran.size() == 3; }));
  EXPECT_THAT(ran, ElementsAre(1, 2, 3));
}

TEST_F(Timers_E1, with_the_same_deadline_run_in_the_order_of_the_calls) {
  const TimePoint when = loop().time() + 2ms;
  std::vector<int> ran;
  for (int number = 0; number < 1'000; ++number)
    loop().call_at(when, [&ran, number] { ran.push_back(number); });
  EXPECT_TRUE(run_until([&] { return ran.size() == 1'000; }));
  EXPECT_TRUE(std::is_sorted(ran.begin(), ran.end()));
}

/// Also one whose time has come already: a callback's are for the next iteration, behind what was ready
/// before.
TEST_F(Timers_E1, what_a_callback_sets_runs_in_the_next_iteration) {
  for (const Duration delay : {Duration(-1s), Duration(0)}) {
    std::vector<std::string> ran;
    loop().call_soon([&] {
      loop().call_later(delay, [&] { ran.emplace_back("later"); });
      loop().call_soon([&] { ran.emplace_back("soon"); });
      ran.emplace_back("callback");
    });
    turn();
    EXPECT_THAT(ran, ElementsAre("callback"));
    turn();
    EXPECT_THAT(ran, ElementsAre("callback", "soon", "later"));
  }
}

TEST_F(Timers_E1, one_that_becomes_due_while_callbacks_run_is_behind_what_they_made_ready) {
  std::vector<std::string> ran;
  TimerHandle late = loop().call_later(5ms, [&] { ran.emplace_back("timer"); });
  loop().call_soon([&] {
    while (loop().time() < late.when()) {
    }
    loop().call_soon([&] { ran.emplace_back("answer"); });
  });
  turn();
  EXPECT_THAT(ran, ElementsAre());
  turn();
  EXPECT_THAT(ran, ElementsAre("answer", "timer"));
}

TEST_F(Timers_E1, one_that_is_due_can_be_cancelled_by_what_runs_before_it) {
  bool ran = false;
  TimerHandle due = loop().call_later(0ms, [&] { ran = true; });
  loop().call_soon([&] { due.cancel(); });
  turn();
  turn();
  EXPECT_FALSE(ran);
}

TEST_F(Timers_E1, are_never_early) {
  std::mt19937 random(20'240'601);
  std::uniform_int_distribution<int> microseconds(0, 20'000);
  int left = 300;
  int early = 0;
  for (int count = left; count > 0; --count) {
    const TimePoint when = loop().time() + std::chrono::microseconds(microseconds(random));
    loop().call_at(when, [&, when] {
      if (loop().time() < when) ++early;
      if (--left == 0) loop().stop();
    });
  }
  const TimerHandle watchdog = loop().call_later(10s, [&] { loop().stop(); });
  loop().run_forever();
  EXPECT_EQ(left, 0);
  EXPECT_EQ(early, 0);
}

TEST_F(Timers_E1, in_the_past_and_with_negative_delays_run_in_the_next_iteration) {
  std::vector<std::string> ran;
  loop().call_later(-1s, [&] { ran.emplace_back("negative"); });
  loop().call_at(TimePoint(), [&] { ran.emplace_back("long past"); });
  turn();
  EXPECT_THAT(ran, ElementsAre("long past", "negative"));
}

TEST_F(Timers_E1, at_the_beginning_of_time_run_at_once) {
  std::vector<std::string> ran;
  loop().call_at(TimePoint::min(), [&] { ran.emplace_back("first moment"); });
  loop().call_later(Duration::min(), [&] { ran.emplace_back("shortest delay"); });
  EXPECT_TRUE(run_until([&] { return ran.size() == 2; }, 2s));
}

TEST_F(Timers_E1, at_the_end_of_time_are_not_early) {
  bool early = false;
  const TimerHandle longest = loop().call_later(Duration::max(), [&] { early = true; });
  const TimerHandle last = loop().call_at(TimePoint::max(), [&] { early = true; });
  bool soon = false;
  loop().call_later(1ms, [&] { soon = true; });
  EXPECT_TRUE(run_until([&] { return soon; }));
  EXPECT_FALSE(early);
  EXPECT_EQ(last.when(), TimePoint::max());
}

TEST_F(Timers_E1, that_a_timer_adds_run_in_the_next_iteration) {
  std::vector<std::string> ran;
  loop().call_later(0ms, [&] {
    ran.emplace_back("timer");
    loop().call_later(0ms, [&] { ran.emplace_back("added timer"); });
    loop().call_soon([&] { ran.emplace_back("added callback"); });
  });
  EXPECT_TRUE(run_until([&] { return !ran.empty(); }));
  turns(2);
  EXPECT_THAT(ran, ElementsAre("timer", "added callback", "added timer"));
}

TEST_F(Timers_E1, when_cancelled_do_not_run_and_free_their_captures_at_once) {
  auto held = std::make_shared<int>(1);
  bool ran = false;
  TimerHandle timer = loop().call_later(1ms, [&ran, held] { ran = true; });
  const TimerHandle copy = timer;
  EXPECT_EQ(held.use_count(), 2);
  timer.cancel();
  EXPECT_EQ(held.use_count(), 1);
  EXPECT_TRUE(copy.cancelled());
  timer.cancel();
  bool later = false;
  loop().call_later(3ms, [&] { later = true; });
  EXPECT_TRUE(run_until([&] { return later; }));
  EXPECT_FALSE(ran);
}

TEST_F(Timers_E1, can_be_cancelled_by_an_earlier_one_that_is_due_in_the_same_iteration) {
  const TimePoint when = loop().time();
  auto held = std::make_shared<int>(1);
  std::vector<std::string> ran;
  TimerHandle second;
  loop().call_at(when, [&] {
    ran.emplace_back("first");
    second.cancel();
    EXPECT_EQ(held.use_count(), 1);
  });
  second = loop().call_at(when, [&ran, held] { ran.emplace_back("second"); });
  turns(3);
  EXPECT_THAT(ran, ElementsAre("first"));
}

TEST_F(Timers_E1, can_cancel_themselves_while_they_run) {
  auto held = std::make_shared<std::string>("alive");
  std::string seen;
  TimerHandle own;
  own = loop().call_later(0ms, [&own, &seen, held] {
    own.cancel();
    seen = *held;
  });
  EXPECT_TRUE(run_until([&] { return !seen.empty(); }));
  EXPECT_EQ(seen, "alive");
  EXPECT_EQ(held.use_count(), 1);
}

TEST_F(Timers_E1, whose_captures_cancel_other_timers_can_be_cancelled) {
  // The destructor of what one callback holds cancels the next timer, and so on: recursion through the queue.
  struct CancelsAnother {
    std::shared_ptr<TimerHandle> other;
    ~CancelsAnother() {
      if (other) other->cancel();
    }
  };
  std::shared_ptr<TimerHandle> last;
  for (int count = 0; count < 100; ++count) {
    auto holder = std::make_shared<CancelsAnother>();
    holder->other = last;
    last = std::make_shared<TimerHandle>(loop().call_later(1h, [holder] {}));
  }
  auto witness = std::make_shared<int>(1);
  const TimerHandle other = loop().call_later(1h, [witness] {});
  last->cancel();
  EXPECT_EQ(witness.use_count(), 2);
  bool ran = false;
  loop().call_later(0ms, [&] { ran = true; });
  EXPECT_TRUE(run_until([&] { return ran; }));
}

TEST_F(Timers_E1, whose_captures_hold_their_own_handle_end_with_the_loop) {
  auto own = std::make_shared<TimerHandle>();
  auto held = std::make_shared<int>(1);
  *own = loop().call_later(1h, [own, held] {});
  loop().close();
  EXPECT_EQ(held.use_count(), 1);
}

TEST_F(Timers_E1, that_are_cancelled_do_not_keep_the_loop_awake_for_their_deadline) {
  TimerHandle soon = loop().call_later(1ms, [] { ADD_FAILURE() << "it was cancelled"; });
  soon.cancel();
  const TimePoint begin = loop().time();
  loop().call_later(30ms, [&] { loop().stop(); });
  loop().run_forever();
  EXPECT_GE(loop().time() - begin, 30ms);
}

TEST_F(Timers_E1, a_million_are_inserted_cancelled_and_run_in_order) {
  constexpr std::size_t kTimers = 1'000'000;
  std::mt19937_64 random(4711);
  const TimePoint base = loop().time() - 1s;  // all of them due
  std::uniform_int_distribution<std::int64_t> nanoseconds(0, 500'000'000);
  std::vector<TimerHandle> handles;
  handles.reserve(kTimers);
  std::size_t ran = 0;
  std::size_t out_of_order = 0;
  TimePoint last{};
  for (std::size_t index = 0; index < kTimers; ++index) {
    const TimePoint when = base + std::chrono::nanoseconds(nanoseconds(random));
    handles.push_back(loop().call_at(when, [&, when] {
      if (when < last) ++out_of_order;
      last = when;
      ++ran;
    }));
  }
  for (std::size_t index = 0; index < kTimers; index += 2) handles[index].cancel();
  EXPECT_TRUE(run_until([&] { return ran == kTimers / 2; }, 30s));
  EXPECT_EQ(ran, kTimers / 2);
  EXPECT_EQ(out_of_order, 0U);
}

TEST_F(Timers_E1, a_million_that_wait_are_let_go_of_when_the_loop_closes) {
  auto held = std::make_shared<int>(1);
  for (int count = 0; count < 1'000'000; ++count) loop().call_later(1h, [held] {});
  EXPECT_EQ(held.use_count(), 1'000'001);
  loop().close();
  EXPECT_EQ(held.use_count(), 1);
}

}  // namespace
}  // namespace tidegate
