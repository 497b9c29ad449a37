// A pool of threads for what would block the loop. Knows nothing of loops.
#pragma once

#include <tidegate/callback.hpp>

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

namespace tidegate::loop {

/// Threads are started when there is work and no idle one, up to a limit, and stay.
class Executor {
 public:
  /// `most_threads` 0: as many as there are processors, plus four, 32 at most (as Python's
  /// ThreadPoolExecutor).
  explicit Executor(std::size_t most_threads);
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;
  ~Executor() { shut_down(); }

  /// Runs `job` on one of the threads. REQUIRES: not shut down; `job` does not throw.
  void submit(Callback job);

  /// Drops the jobs that have not started, and waits for those that have. Idempotent.
  void shut_down() noexcept;

 private:
  void work();

  const std::size_t most_threads_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Callback> jobs_;
  std::vector<std::thread> threads_;
  std::size_t idle_ = 0;
  bool ending_ = false;
};

}  // namespace tidegate::loop
