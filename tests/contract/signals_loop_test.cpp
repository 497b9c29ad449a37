// Signals as callbacks in the loop (E4), seen from a program that raises them.
#include <tidegate/tidegate.hpp>

#include "contract/loop_rig.hpp"

#include <atomic>
#include <csignal>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <pthread.h>

namespace tidegate {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

volatile std::sig_atomic_t plain_handler_calls = 0;
void plain_handler(int) { plain_handler_calls = plain_handler_calls + 1; }

/// What the process does on a signal at this moment.
struct sigaction disposition(int signal_number) {
  struct sigaction action {};
  ::sigaction(signal_number, nullptr, &action);
  return action;
}

class Signals_E4 : public loop_rig::LoopTest {
 protected:
  void SetUp() override {
    LoopTest::SetUp();
    ::sigaction(SIGUSR1, nullptr, &before_);
  }
  void TearDown() override {
    LoopTest::TearDown();
    EXPECT_EQ(disposition(SIGUSR1).sa_handler, before_.sa_handler)
        << "closing the loop puts the disposition back";
    ::sigaction(SIGUSR1, &before_, nullptr);
  }

 private:
  struct sigaction before_ {};
};

TEST_F(Signals_E4, the_callback_runs_in_the_loop_and_not_in_signal_context) {
  int calls = 0;
  loop().add_signal_handler(SIGUSR1, [&] {
    EXPECT_EQ(&get_running_loop(), &loop());
    ++calls;
  });
  ::raise(SIGUSR1);
  EXPECT_EQ(calls, 0);
  turns(2);
  EXPECT_EQ(calls, 1);
  turns(2);
  EXPECT_EQ(calls, 1);
  ::raise(SIGUSR1);
  turns(2);
  EXPECT_EQ(calls, 2);
}

TEST_F(Signals_E4, a_signal_wakes_a_blocked_loop) {
  loop().add_signal_handler(SIGUSR1, [&] { loop().stop(); });
  const pthread_t blocked = ::pthread_self();
  std::thread other([blocked] { ::pthread_kill(blocked, SIGUSR1); });
  loop().run_forever();  // without any timer: that it returns is the proof
  other.join();
}

TEST_F(Signals_E4, a_signal_that_another_thread_takes_wakes_a_blocked_loop) {
  loop().add_signal_handler(SIGUSR1, [&] { loop().stop(); });
  std::thread other([] { ::pthread_kill(::pthread_self(), SIGUSR1); });
  loop().run_forever();
  other.join();
}

TEST_F(Signals_E4, several_signals_each_run_their_own_callback) {
  std::vector<std::string> ran;
  loop().add_signal_handler(SIGUSR1, [&] { ran.emplace_back("usr1"); });
  loop().add_signal_handler(SIGUSR2, [&] { ran.emplace_back("usr2"); });
  ::raise(SIGUSR1);
  ::raise(SIGUSR2);
  turns(2);
  EXPECT_THAT(ran, testing::UnorderedElementsAre("usr1", "usr2"));
}

TEST_F(Signals_E4, a_new_handler_replaces_the_old_one) {
  std::vector<std::string> ran;
  auto held = std::make_shared<int>(1);
  loop().add_signal_handler(SIGUSR1, [&ran, held] { ran.emplace_back("old"); });
  loop().add_signal_handler(SIGUSR1, [&ran] { ran.emplace_back("new"); });
  EXPECT_EQ(held.use_count(), 1);
  ::raise(SIGUSR1);
  turns(2);
  EXPECT_THAT(ran, ElementsAre("new"));
}

TEST_F(Signals_E4, removing_the_handler_puts_the_disposition_back) {
  struct sigaction own {};
  own.sa_handler = plain_handler;
  ::sigaction(SIGUSR1, &own, nullptr);
  plain_handler_calls = 0;
  int calls = 0;
  auto held = std::make_shared<int>(1);
  loop().add_signal_handler(SIGUSR1, [&calls, held] { ++calls; });
  ::raise(SIGUSR1);
  turns(2);
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(plain_handler_calls, 0);

  EXPECT_TRUE(loop().remove_signal_handler(SIGUSR1));
  EXPECT_EQ(held.use_count(), 1);
  EXPECT_EQ(disposition(SIGUSR1).sa_handler, plain_handler);
  ::raise(SIGUSR1);
  turns(2);
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(plain_handler_calls, 1);
  EXPECT_FALSE(loop().remove_signal_handler(SIGUSR1));
  own.sa_handler = SIG_DFL;
  ::sigaction(SIGUSR1, &own, nullptr);
}

TEST_F(Signals_E4, a_replaced_handler_still_puts_the_first_disposition_back) {
  struct sigaction own {};
  own.sa_handler = plain_handler;
  ::sigaction(SIGUSR1, &own, nullptr);
  loop().add_signal_handler(SIGUSR1, [] {});
  loop().add_signal_handler(SIGUSR1, [] {});
  loop().remove_signal_handler(SIGUSR1);
  EXPECT_EQ(disposition(SIGUSR1).sa_handler, plain_handler);
  own.sa_handler = SIG_DFL;
  ::sigaction(SIGUSR1, &own, nullptr);
}

TEST_F(Signals_E4, a_callback_that_throws_is_reported_and_stays_installed) {
  int calls = 0;
  loop().add_signal_handler(SIGUSR1, [&] {
    ++calls;
    throw std::runtime_error("from the handler");
  });
  ::raise(SIGUSR1);
  turns(2);
  ::raise(SIGUSR1);
  turns(2);
  EXPECT_EQ(calls, 2);
  const auto reports = take_reports();
  ASSERT_EQ(reports.size(), 2U);
  EXPECT_EQ(describe(reports[0].exception), "from the handler");
}

TEST_F(Signals_E4, a_callback_may_remove_itself) {
  auto held = std::make_shared<std::string>("alive");
  std::string seen;
  loop().add_signal_handler(SIGUSR1, [this, &seen, held] {
    EXPECT_TRUE(loop().remove_signal_handler(SIGUSR1));
    seen = *held;  // what it captured outlasts the call
  });
  ::raise(SIGUSR1);
  turns(2);
  EXPECT_EQ(seen, "alive");
  EXPECT_EQ(held.use_count(), 1);
}

TEST_F(Signals_E4, a_callback_may_replace_itself) {
  auto held = std::make_shared<std::string>("alive");
  std::string seen;
  int later = 0;
  loop().add_signal_handler(SIGUSR1, [this, &seen, &later, held] {
    loop().add_signal_handler(SIGUSR1, [&later] { ++later; });
    seen = *held;
  });
  ::raise(SIGUSR1);
  turns(2);
  EXPECT_EQ(seen, "alive");
  EXPECT_EQ(later, 0);
  ::raise(SIGUSR1);
  turns(2);
  EXPECT_EQ(later, 1);
}

TEST_F(Signals_E4, a_callback_may_remove_that_of_another_signal_which_has_arrived_too) {
  std::vector<std::string> ran;
  loop().add_signal_handler(SIGUSR1, [&] {
    ran.emplace_back("usr1");
    loop().remove_signal_handler(SIGUSR2);
  });
  loop().add_signal_handler(SIGUSR2, [&] {
    ran.emplace_back("usr2");
    loop().remove_signal_handler(SIGUSR1);
  });
  ::raise(SIGUSR1);
  ::raise(SIGUSR2);
  turns(3);
  EXPECT_EQ(ran.size(), 1U);
}

TEST_F(Signals_E4, a_callback_may_raise_the_signal_again) {
  int calls = 0;
  loop().add_signal_handler(SIGUSR1, [&] {
    if (++calls < 5) ::raise(SIGUSR1);
  });
  ::raise(SIGUSR1);
  EXPECT_TRUE(run_until([&] { return calls == 5; }));
}

TEST_F(Signals_E4, a_signal_that_another_loop_handles_is_refused_and_stays_with_it) {
  int calls = 0;
  loop().add_signal_handler(SIGUSR1, [&] { ++calls; });
  {
    Loop other;
    EXPECT_THROW(other.add_signal_handler(SIGUSR1, [] {}), InvalidStateError);
    EXPECT_FALSE(other.remove_signal_handler(SIGUSR1));
    other.add_signal_handler(SIGUSR2, [] {});
  }  // the other loop goes: what belongs to this one stays
  ::raise(SIGUSR1);
  turns(2);
  EXPECT_EQ(calls, 1);
  loop().remove_signal_handler(SIGUSR1);
  Loop successor;
  successor.add_signal_handler(SIGUSR1, [] {});
}

TEST_F(Signals_E4, a_signal_that_cannot_be_caught_is_refused) {
  EXPECT_THAT(
      loop_rig::thrown_text<std::invalid_argument>([&] { loop().add_signal_handler(SIGKILL, [] {}); }),
      HasSubstr("cannot be caught"));
  EXPECT_THAT(
      loop_rig::thrown_text<std::invalid_argument>([&] { loop().add_signal_handler(SIGSTOP, [] {}); }),
      HasSubstr("cannot be caught"));
  EXPECT_THROW(loop().add_signal_handler(0, [] {}), std::invalid_argument);
  EXPECT_THROW(loop().add_signal_handler(-1, [] {}), std::invalid_argument);
  EXPECT_THROW(loop().add_signal_handler(65, [] {}), std::invalid_argument);
  EXPECT_THROW(loop().remove_signal_handler(4711), std::invalid_argument);
}

TEST_F(Signals_E4, that_arrive_while_nothing_runs_are_not_lost) {
  int calls = 0;
  loop().add_signal_handler(SIGUSR1, [&] { ++calls; });
  ::raise(SIGUSR1);
  loop().call_later(10s, [&] { loop().stop(); });
  loop().call_soon([] {});
  EXPECT_TRUE(run_until([&] { return calls == 1; }));
}

TEST_F(Signals_E4, do_not_make_system_calls_of_the_program_fail) {
  loop().add_signal_handler(SIGUSR1, [] {});
  EXPECT_NE(disposition(SIGUSR1).sa_flags & SA_RESTART, 0);
}

TEST_F(Signals_E4, handlers_come_and_go_while_threads_raise_the_signal) {
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  ::sigaction(SIGUSR1, &ignore, nullptr);  // what is in force while no handler is
  std::atomic<bool> ending{false};
  std::vector<std::thread> threads;
  for (int count = 0; count < 3; ++count) {
    threads.emplace_back([&] {
      while (!ending) ::pthread_kill(::pthread_self(), SIGUSR1);
    });
  }
  int calls = 0;
  for (int round = 0; round < 3'000; ++round) {
    loop().add_signal_handler(SIGUSR1, [&] { ++calls; });
    turn();
    loop().remove_signal_handler(SIGUSR1);
  }
  ending = true;
  for (std::thread& thread : threads) thread.join();
  const int calls_meanwhile = std::exchange(calls, 0);
  loop().add_signal_handler(SIGUSR1, [&] { ++calls; });
  ::raise(SIGUSR1);
  turns(2);
  EXPECT_EQ(calls, 1) << "after " << calls_meanwhile << " calls in the turmoil";
  loop().remove_signal_handler(SIGUSR1);
  ignore.sa_handler = SIG_DFL;
  ::sigaction(SIGUSR1, &ignore, nullptr);
}

TEST_F(Signals_E4, a_loop_may_go_while_threads_raise_the_signal) {
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  ::sigaction(SIGUSR1, &ignore, nullptr);
  std::atomic<bool> ending{false};
  std::vector<std::thread> threads;
  for (int count = 0; count < 3; ++count) {
    threads.emplace_back([&] {
      while (!ending) ::pthread_kill(::pthread_self(), SIGUSR1);
    });
  }
  for (int round = 0; round < 300; ++round) {
    Loop passing;
    passing.add_signal_handler(SIGUSR1, [] {});
    passing.stop();
    passing.run_forever();
  }
  ending = true;
  for (std::thread& thread : threads) thread.join();
  ignore.sa_handler = SIG_DFL;
  ::sigaction(SIGUSR1, &ignore, nullptr);
}

TEST_F(Signals_E4, a_handler_goes_with_the_loop_that_closes) {
  auto held = std::make_shared<int>(1);
  loop().add_signal_handler(SIGUSR1, [held] {});
  ::raise(SIGUSR1);  // arrived, and never dealt with
  loop().close();
  EXPECT_EQ(held.use_count(), 1);
}

}  // namespace
}  // namespace tidegate
