// Running a loop (E1): the order of callbacks, starting and stopping, exceptions. Timers, threads, signals,
// descriptors and debug mode have files of their own.
#include <tidegate/tidegate.hpp>

#include "contract/loop_rig.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <csignal>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <netdb.h>

namespace tidegate {
namespace {

using namespace std::chrono_literals;
using loop_rig::LoopTest;
using testing::ElementsAre;
using testing::HasSubstr;

using Log = std::vector<std::string>;

// --- E1: callbacks in order --------------------------------------------------------------------------------

class CallSoon_E1 : public LoopTest {};

TEST_F(CallSoon_E1, callbacks_run_first_in_first_out) {
  std::vector<int> ran;
  for (int number = 0; number < 100; ++number) loop().call_soon([&ran, number] { ran.push_back(number); });
  turn();
  ASSERT_EQ(ran.size(), 100U);
  EXPECT_TRUE(std::is_sorted(ran.begin(), ran.end()));
}

TEST_F(CallSoon_E1, what_a_callback_adds_runs_in_the_next_iteration) {
  Log ran;
  loop().call_soon([&] {
    ran.emplace_back("first");
    loop().call_soon([&] { ran.emplace_back("added"); });
  });
  loop().call_soon([&] { ran.emplace_back("second"); });
  turn();
  EXPECT_THAT(ran, ElementsAre("first", "second"));
  turn();
  EXPECT_THAT(ran, ElementsAre("first", "second", "added"));
}

TEST_F(CallSoon_E1, stop_lets_the_present_iteration_finish) {
  Log ran;
  loop().call_soon([&] {
    loop().stop();
    ran.emplace_back("stopping");
    loop().call_soon([&] { ran.emplace_back("next iteration"); });
  });
  loop().call_soon([&] { ran.emplace_back("same iteration"); });
  loop().run_forever();
  EXPECT_THAT(ran, ElementsAre("stopping", "same iteration"));
  EXPECT_FALSE(loop().is_running());
  turn();
  EXPECT_EQ(ran.back(), "next iteration");
}

TEST_F(CallSoon_E1, stop_before_running_runs_one_iteration) {
  int rounds = 0;
  std::function<void()> again = [&] {
    ++rounds;
    loop().call_soon(again);
  };
  loop().call_soon(again);
  loop().stop();
  loop().run_forever();
  EXPECT_EQ(rounds, 1);
}

TEST_F(CallSoon_E1, stop_is_used_up_by_the_run_that_it_ends) {
  loop().stop();
  loop().stop();
  loop().run_forever();
  bool timer_ran = false;
  loop().call_later(1ms, [&] {
    timer_ran = true;
    loop().stop();
  });
  loop().run_forever();
  EXPECT_TRUE(timer_ran);
}

TEST_F(CallSoon_E1, a_cancelled_callback_does_not_run_and_frees_its_captures_at_once) {
  auto held = std::make_shared<int>(1);
  bool ran = false;
  Handle handle = loop().call_soon([&ran, held] { ran = true; });
  EXPECT_FALSE(handle.cancelled());
  EXPECT_EQ(held.use_count(), 2);
  handle.cancel();
  handle.cancel();
  EXPECT_TRUE(handle.cancelled());
  EXPECT_EQ(held.use_count(), 1);
  turns(2);
  EXPECT_FALSE(ran);
}

TEST_F(CallSoon_E1, a_callback_can_cancel_a_later_one_of_the_same_iteration) {
  Log ran;
  Handle second;
  loop().call_soon([&] {
    ran.emplace_back("first");
    second.cancel();
  });
  second = loop().call_soon([&] { ran.emplace_back("second"); });
  loop().call_soon([&] { ran.emplace_back("third"); });
  turns(2);
  EXPECT_THAT(ran, ElementsAre("first", "third"));
}

TEST_F(CallSoon_E1, a_callback_can_cancel_itself_while_it_runs) {
  auto held = std::make_shared<std::string>("alive");
  Handle own;
  std::string seen;
  own = loop().call_soon([&own, &seen, held] {
    own.cancel();
    seen = *held;  // its captures outlast the call
  });
  turn();
  EXPECT_EQ(seen, "alive");
  EXPECT_EQ(held.use_count(), 1);
}

TEST_F(CallSoon_E1, what_a_callback_holds_is_freed_when_it_has_run) {
  auto held = std::make_shared<int>(1);
  const Handle kept = loop().call_soon([held] {});
  turn();
  EXPECT_EQ(held.use_count(), 1);
}

TEST_F(CallSoon_E1, what_was_not_run_is_freed_when_the_loop_closes) {
  auto held = std::make_shared<int>(1);
  const Handle kept = loop().call_soon([held] {});
  const TimerHandle timer = loop().call_later(1h, [held] {});
  const Handle remote = loop().call_soon_threadsafe([held] {});
  EXPECT_EQ(held.use_count(), 4);
  loop().close();
  EXPECT_EQ(held.use_count(), 1);
  end_loop();  // the receipts outlive it
}

// --- running -----------------------------------------------------------------------------------------------

class Running : public LoopTest {};

TEST_F(Running, a_loop_that_runs_cannot_be_run_again) {
  std::string text;
  std::string complete_text;
  loop().call_soon([&] {
    EXPECT_TRUE(loop().is_running());
    text = loop_rig::thrown_text<InvalidStateError>([&] { loop().run_forever(); });
    complete_text = loop_rig::thrown_text<InvalidStateError>(
        [&] { loop().run_until_complete(loop().create_future<>()); });
    EXPECT_TRUE(loop().is_running());
    loop().stop();
  });
  loop().run_forever();
  EXPECT_THAT(text, HasSubstr("already running"));
  EXPECT_THAT(complete_text, HasSubstr("already running"));
}

TEST_F(Running, another_loop_cannot_run_inside_of_a_running_one) {
  Loop inner;
  std::string text;
  loop().call_soon([&] { text = loop_rig::thrown_text<InvalidStateError>([&] { inner.run_forever(); }); });
  turn();
  EXPECT_THAT(text, HasSubstr("another loop is running"));
  EXPECT_FALSE(inner.is_running());
  bool ran = false;
  inner.call_soon([&] { ran = true; });
  inner.stop();
  inner.run_forever();  // afterwards it may
  EXPECT_TRUE(ran);
}

TEST_F(Running, a_loop_that_runs_cannot_be_closed) {
  std::string text;
  loop().call_soon([&] { text = loop_rig::thrown_text<InvalidStateError>([&] { loop().close(); }); });
  turn();
  EXPECT_THAT(text, HasSubstr("Cannot close a running event loop"));
  EXPECT_FALSE(loop().is_closed());
}

TEST_F(Running, closing_is_idempotent_and_everything_is_refused_afterwards) {
  loop().close();
  loop().close();
  EXPECT_TRUE(loop().is_closed());
  const auto refused = [](const auto& call) { return loop_rig::thrown_text<InvalidStateError>(call); };
  const auto [reader, writer] = loop_rig::make_pipe();
  const FileDescriptor descriptor = reader.get();
  EXPECT_THAT(refused([&] { loop().run_forever(); }), HasSubstr("closed"));
  EXPECT_THAT(refused([&] { loop().call_soon([] {}); }), HasSubstr("closed"));
  EXPECT_THAT(refused([&] { loop().call_soon_threadsafe([] {}); }), HasSubstr("closed"));
  EXPECT_THAT(refused([&] { loop().call_later(1ms, [] {}); }), HasSubstr("closed"));
  EXPECT_THAT(refused([&] { loop().call_at(loop().time(), [] {}); }), HasSubstr("closed"));
  EXPECT_THAT(refused([&] { loop().add_reader(descriptor, [] {}); }), HasSubstr("closed"));
  EXPECT_THAT(refused([&] { loop().add_writer(descriptor, [] {}); }), HasSubstr("closed"));
  EXPECT_THAT(refused([&] { loop().add_signal_handler(SIGUSR1, [] {}); }), HasSubstr("closed"));
  EXPECT_THAT(refused([&] { loop().run_in_executor([] {}); }), HasSubstr("closed"));
  EXPECT_THAT(refused([&] { loop().run_until_complete(sleep(1ms)); }), HasSubstr("closed"));
}

TEST_F(Running, run_until_complete_says_when_it_was_stopped_first) {
  auto never = loop().create_future<>();
  loop().call_soon([&] { loop().stop(); });
  EXPECT_EQ(loop_rig::thrown_text<InvalidStateError>([&] { loop().run_until_complete(never); }),
            "Event loop stopped before Future completed.");
  // The run that was cut short leaves nothing behind that could stop a later one.
  never.set_result();
  bool timer_ran = false;
  loop().call_later(1ms, [&] {
    timer_ran = true;
    loop().stop();
  });
  loop().run_forever();
  EXPECT_TRUE(timer_ran);
}

TEST_F(Running, the_running_loop_is_known_on_its_thread_only) {
  EXPECT_EQ(loop_rig::thrown_text<InvalidStateError>([] { static_cast<void>(get_running_loop()); }),
            "no running event loop");
  Loop* found = nullptr;
  std::string elsewhere;
  loop().call_soon([&] {
    found = &get_running_loop();
    std::thread other([&] {
      elsewhere = loop_rig::thrown_text<InvalidStateError>([] { static_cast<void>(get_running_loop()); });
    });
    other.join();
  });
  turn();
  EXPECT_EQ(found, &loop());
  EXPECT_EQ(elsewhere, "no running event loop");
  EXPECT_THROW(static_cast<void>(get_running_loop()), InvalidStateError);
}

TEST_F(Running, loops_on_several_threads_run_side_by_side) {
  std::vector<int> rounds(4, 0);
  std::vector<std::thread> threads;
  for (std::size_t index = 0; index < rounds.size(); ++index) {
    threads.emplace_back([&rounds, index] {
      Loop own;
      std::function<void()> round = [&] {
        EXPECT_EQ(&get_running_loop(), &own);
        if (++rounds[index] == 200) {
          own.stop();
        } else {
          own.call_soon(round);
        }
      };
      own.call_soon(round);
      own.run_forever();
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(rounds, testing::Each(200));
}

// --- exceptions --------------------------------------------------------------------------------------------

class Exceptions : public LoopTest {};

TEST_F(Exceptions, of_callbacks_are_reported_and_the_loop_goes_on) {
  Log ran;
  loop().call_soon([] { throw std::runtime_error("from call_soon"); });
  loop().call_soon([&] { ran.emplace_back("after"); });
  loop().call_soon_threadsafe([] { throw std::runtime_error("from another thread"); });
  loop().call_later(0ms, [] { throw std::runtime_error("from a timer"); });
  loop().call_later(0ms, [&] { ran.emplace_back("later timer"); });
  EXPECT_TRUE(run_until([&] { return ran.size() == 2; }));
  const auto reports = take_reports();
  ASSERT_EQ(reports.size(), 3U);
  for (const auto& report : reports) {
    EXPECT_EQ(report.message, "Exception in callback");
    EXPECT_FALSE(report.names_transport);
    EXPECT_FALSE(report.names_protocol);
  }
  EXPECT_EQ(describe(reports[0].exception), "from call_soon");
  EXPECT_EQ(describe(reports[1].exception), "from another thread");
  EXPECT_EQ(describe(reports[2].exception), "from a timer");
}

TEST_F(Exceptions, that_are_no_standard_ones_are_reported_too) {
  loop().call_soon([] { throw 42; });
  loop().call_soon([] { throw CancelledError("stray"); });
  turn();
  const auto reports = take_reports();
  ASSERT_EQ(reports.size(), 2U);
  EXPECT_THAT(describe(reports[0].exception), HasSubstr("int"));
  EXPECT_THAT(describe(reports[1].exception), HasSubstr("stray"));
}

TEST_F(Exceptions, what_is_thrown_is_handed_over_unchanged) {
  const auto thrown = std::make_exception_ptr(std::runtime_error("the very same"));
  loop().call_soon([&] { std::rethrow_exception(thrown); });
  turn();
  const auto reports = take_reports();
  ASSERT_EQ(reports.size(), 1U);
  EXPECT_EQ(reports[0].exception, thrown);
}

TEST_F(Exceptions, go_to_the_log_without_a_handler) {
  const loop_rig::LogCapture log;
  loop().set_exception_handler({});
  loop().call_soon([] { throw std::runtime_error("nobody listens"); });
  turn();
  ASSERT_EQ(log.lines().size(), 1U);
  EXPECT_EQ(log.levels()[0], LogLevel::error);
  EXPECT_THAT(log.lines()[0],
              testing::AllOf(HasSubstr("Exception in callback"), HasSubstr("nobody listens")));
}

TEST_F(Exceptions, of_the_handler_itself_are_logged_with_the_original) {
  const loop_rig::LogCapture log;
  loop().set_exception_handler(
      [](Loop&, const ExceptionContext&) { throw std::runtime_error("handler broke"); });
  bool ran = false;
  loop().call_soon([] { throw std::runtime_error("original"); });
  loop().call_soon([&] { ran = true; });
  turn();
  EXPECT_TRUE(ran);
  std::string all;
  for (const std::string& line : log.lines()) all += line + "\n";
  EXPECT_THAT(all, testing::AllOf(HasSubstr("handler broke"), HasSubstr("original")));
}

TEST_F(Exceptions, a_handler_may_replace_itself_while_it_runs) {
  auto held = std::make_shared<std::string>("alive");
  std::string seen;
  int later = 0;
  loop().set_exception_handler([&, held](Loop& told, const ExceptionContext&) {
    told.set_exception_handler([&](Loop&, const ExceptionContext&) { ++later; });
    seen = *held;
  });
  loop().call_soon([] { throw std::runtime_error("one"); });
  loop().call_soon([] { throw std::runtime_error("two"); });
  turn();
  EXPECT_EQ(seen, "alive");
  EXPECT_EQ(later, 1);
}

}  // namespace
}  // namespace tidegate
