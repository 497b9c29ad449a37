// The table of signal handlers by itself: what is noted in signal context, who owns a signal, what is put
// back.
#include "loop/signals.hpp"

#include <tidegate/error.hpp>

#include "kernel/epoll/epoll_backend.hpp"

#include <csignal>
#include <stdexcept>
#include <vector>

#include <gtest/gtest.h>

namespace tidegate::loop {
namespace {

class SignalTable : public testing::Test {
 protected:
  /// Runs what has arrived.
  static void run(Signals& signals) {
    signals.run_pending([](Callback& callback) { callback(); });
  }

  kernel::EpollBackend backend;
  Signals signals{backend};
};

TEST_F(SignalTable, E4_a_signal_is_only_noted_until_the_loop_comes_round) {
  int calls = 0;
  signals.add(SIGUSR1, [&] { ++calls; });
  EXPECT_FALSE(signals.pending());
  ::raise(SIGUSR1);
  EXPECT_TRUE(signals.pending());
  EXPECT_EQ(calls, 0);
  run(signals);
  EXPECT_EQ(calls, 1);
  EXPECT_FALSE(signals.pending());
}

TEST_F(SignalTable, E4_a_signal_that_comes_often_before_that_runs_its_callback_once) {
  int calls = 0;
  signals.add(SIGUSR1, [&] { ++calls; });
  for (int count = 0; count < 10; ++count) ::raise(SIGUSR1);
  run(signals);
  EXPECT_EQ(calls, 1);
}

TEST_F(SignalTable, a_signal_that_comes_while_its_callback_runs_is_pending_again) {
  int calls = 0;
  signals.add(SIGUSR1, [&] {
    if (++calls == 1) ::raise(SIGUSR1);
  });
  ::raise(SIGUSR1);
  run(signals);
  EXPECT_TRUE(signals.pending());
  run(signals);
  EXPECT_EQ(calls, 2);
}

TEST_F(SignalTable, leaves_errno_alone) {
  signals.add(SIGUSR1, [] {});
  errno = 4711;
  ::raise(SIGUSR1);
  EXPECT_EQ(errno, 4711);
}

TEST_F(SignalTable, wakes_a_backend_that_waits) {
  signals.add(SIGUSR1, [] {});
  ::raise(SIGUSR1);
  backend.wait(std::nullopt, Duration::zero());  // returns, because it was woken
  backend.dispatch();
}

TEST_F(SignalTable, a_signal_has_one_owner_in_the_process) {
  Signals others(backend);
  signals.add(SIGUSR1, [] {});
  EXPECT_THROW(others.add(SIGUSR1, [] {}), InvalidStateError);
  EXPECT_FALSE(others.remove(SIGUSR1));
  EXPECT_TRUE(signals.remove(SIGUSR1));
  others.add(SIGUSR1, [] {});
  EXPECT_THROW(signals.add(SIGUSR1, [] {}), InvalidStateError);
}

TEST_F(SignalTable, a_signal_that_cannot_be_caught_leaves_no_trace) {
  EXPECT_THROW(signals.add(SIGKILL, [] {}), std::invalid_argument);
  EXPECT_FALSE(signals.remove(SIGKILL));
  Signals others(backend);
  EXPECT_THROW(others.add(SIGKILL, [] {}), std::invalid_argument) << "and not: owned by another loop";
}

TEST_F(SignalTable, removing_puts_back_what_was_there_also_when_that_was_to_ignore_it) {
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  struct sigaction before {};
  ::sigaction(SIGUSR2, &ignore, &before);
  signals.add(SIGUSR2, [] {});
  signals.remove_all();
  struct sigaction now {};
  ::sigaction(SIGUSR2, &before, &now);
  EXPECT_EQ(now.sa_handler, SIG_IGN);
}

TEST_F(SignalTable, numbers_that_are_no_signals_are_refused) {
  for (const int number : {0, -1, 65, 1'000'000}) {
    EXPECT_THROW(signals.add(number, [] {}), std::invalid_argument) << number;
    EXPECT_THROW(signals.remove(number), std::invalid_argument) << number;
  }
}

TEST_F(SignalTable, real_time_signals_work_up_to_the_last) {
  std::vector<int> ran;
  signals.add(SIGRTMIN, [&] { ran.push_back(1); });
  signals.add(SIGRTMAX, [&] { ran.push_back(2); });
  ::raise(SIGRTMIN);
  ::raise(SIGRTMAX);
  run(signals);
  EXPECT_EQ(ran, (std::vector<int>{1, 2}));
}

}  // namespace
}  // namespace tidegate::loop
