// The pool of threads by itself: jobs run, run at the same time, and are dropped or waited for at the end.
#include "loop/executor.hpp"

#include <atomic>
#include <future>
#include <memory>

#include <gtest/gtest.h>

namespace tidegate::loop {
namespace {

TEST(ExecutorThreads, run_every_job_once) {
  std::atomic<int> runs{0};
  Executor executor(3);
  std::promise<void> all_ran;
  for (int job = 0; job < 1000; ++job) {
    executor.submit([&] {
      if (++runs == 1000) all_ran.set_value();
    });
  }
  all_ran.get_future().wait();
  EXPECT_EQ(runs, 1000);
}

TEST(ExecutorThreads, run_as_many_jobs_at_a_time_as_there_are_threads) {
  Executor executor(2);
  std::promise<void> first;
  std::promise<void> second;
  std::promise<void> both_done;
  // Each waits for the other: with one thread only, this would never end.
  executor.submit([&] {
    first.set_value();
    second.get_future().wait();
    both_done.set_value();
  });
  executor.submit([&] {
    first.get_future().wait();
    second.set_value();
  });
  both_done.get_future().wait();
}

TEST(ExecutorThreads, shutting_down_drops_what_has_not_started_and_waits_for_what_runs) {
  std::promise<void> door;
  std::atomic<bool> finished{false};
  std::atomic<bool> second_ran{false};
  std::promise<void> started;
  // Opens the door when the second job is dropped, which is thus known to come before the first has ended.
  struct OpensDoor {
    std::promise<void>& door;
    ~OpensDoor() { door.set_value(); }
  };
  auto opens = std::make_shared<OpensDoor>(door);
  Executor executor(1);
  executor.submit([&] {
    started.set_value();
    door.get_future().wait();
    finished = true;
  });
  executor.submit([&second_ran, held = std::move(opens)] { second_ran = true; });
  started.get_future().wait();
  executor.shut_down();
  EXPECT_TRUE(finished);
  EXPECT_FALSE(second_ran);
  executor.shut_down();  // idempotent
}

}  // namespace
}  // namespace tidegate::loop
