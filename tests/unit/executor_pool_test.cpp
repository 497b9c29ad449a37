// The thread pool by itself: jobs run once each, threads keep their limit, and shutting down waits for what runs.
#include "loop/executor.hpp"

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace tidegate::loop {
namespace {

/// Counts, and waits for a count.
class Tally {
 public:
  void add() {
    const std::lock_guard lock(mutex_);
    ++count_;
    changed_.notify_all();
  }
  [[nodiscard]] bool reaches(int wanted) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(10), [&] { return count_ >= wanted; });
  }
  [[nodiscard]] int count() {
    const std::lock_guard lock(mutex_);
    return count_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int count_ = 0;
};

TEST(ExecutorThreadPool, runs_every_job_once) {
  Tally done;
  Executor executor(4);
  for (int job = 0; job < 10'000; ++job) executor.submit([&] { done.add(); });
  EXPECT_TRUE(done.reaches(10'000));
  executor.shut_down();
  EXPECT_EQ(done.count(), 10'000);
}

TEST(ExecutorThreadPool, takes_jobs_from_several_threads) {
  Tally done;
  Executor executor(3);
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&] {
      for (int job = 0; job < 2'000; ++job) executor.submit([&] { done.add(); });
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(done.reaches(8'000));
}

TEST(ExecutorThreadPool, starts_no_thread_without_a_job) {
  Executor executor(8);
  executor.shut_down();
  executor.shut_down();
}

TEST(ExecutorThreadPool, jobs_that_wait_for_each_other_run_side_by_side_up_to_the_limit) {
  Executor executor(4);
  Tally arrived;
  Tally left;
  for (int job = 0; job < 4; ++job) {
    executor.submit([&] {
      arrived.add();
      EXPECT_TRUE(arrived.reaches(4));  // only where all four have a thread of their own
      left.add();
    });
  }
  EXPECT_TRUE(left.reaches(4));
}

TEST(ExecutorThreadPool, never_uses_more_threads_than_it_may) {
  Executor executor(2);
  std::mutex mutex;
  std::set<std::thread::id> threads;
  Tally done;
  for (int job = 0; job < 500; ++job) {
    executor.submit([&] {
      {
        const std::lock_guard lock(mutex);
        threads.insert(std::this_thread::get_id());
      }
      done.add();
    });
  }
  EXPECT_TRUE(done.reaches(500));
  EXPECT_LE(threads.size(), 2U);
}

TEST(ExecutorThreadPool, with_one_thread_runs_jobs_in_the_order_in_which_they_came) {
  Executor executor(1);
  std::vector<int> ran;  // one thread: no lock
  Tally done;
  for (int job = 0; job < 1'000; ++job) {
    executor.submit([&, job] {
      ran.push_back(job);
      done.add();
    });
  }
  ASSERT_TRUE(done.reaches(1'000));
  EXPECT_TRUE(std::is_sorted(ran.begin(), ran.end()));
}

TEST(ExecutorThreadPool, shutting_down_waits_for_running_jobs_and_drops_the_others) {
  auto held = std::make_shared<int>(1);
  Tally started;
  Tally released;
  std::atomic<bool> finished{false};
  std::atomic<bool> dropped_one_ran{false};
  Executor executor(1);
  executor.submit([&] {
    started.add();
    EXPECT_TRUE(released.reaches(1));
    finished = true;
  });
  ASSERT_TRUE(started.reaches(1));
  for (int job = 0; job < 10; ++job) executor.submit([&, held] { dropped_one_ran = true; });
  std::thread releaser([&] { released.add(); });
  executor.shut_down();
  EXPECT_TRUE(finished);
  releaser.join();
  EXPECT_EQ(held.use_count(), 1);
  // Either it was dropped, or it got its turn before the shutdown began; what may not happen is that it runs later.
  static_cast<void>(dropped_one_ran);
}

TEST(ExecutorThreadPool, a_job_may_submit_another) {
  Executor executor(1);
  Tally done;
  executor.submit([&] {
    executor.submit([&] { done.add(); });
    done.add();
  });
  EXPECT_TRUE(done.reaches(2));
}

TEST(ExecutorThreadPool, frees_what_a_job_holds_before_it_takes_the_next) {
  Executor executor(1);
  auto held = std::make_shared<int>(1);
  Tally done;
  std::atomic<long> holders{0};
  executor.submit([held] {});
  executor.submit([&] {
    holders = held.use_count();
    done.add();
  });
  ASSERT_TRUE(done.reaches(1));
  EXPECT_EQ(holders, 1);
}

}  // namespace
}  // namespace tidegate::loop
