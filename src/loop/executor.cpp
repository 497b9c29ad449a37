// The thread pool: see executor.hpp.
#include "loop/executor.hpp"

#include "base/signals_blocked.hpp"

#include <algorithm>
#include <utility>

namespace tidegate::loop {

namespace {

std::size_t default_threads() noexcept {
  return std::min<std::size_t>(32, std::max(1U, std::thread::hardware_concurrency()) + 4);
}

}  // namespace

Executor::Executor(std::size_t most_threads)
    : most_threads_(most_threads == 0 ? default_threads() : most_threads) {}

void Executor::submit(Callback job) {
  const std::lock_guard lock(mutex_);
  jobs_.push_back(std::move(job));
  if (idle_ < jobs_.size() && threads_.size() < most_threads_) {
    const base::SignalsBlocked blocked;
    threads_.emplace_back([this] { work(); });
  }
  changed_.notify_one();
}

void Executor::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    ++idle_;
    changed_.wait(lock, [this] { return ending_ || !jobs_.empty(); });
    --idle_;
    if (ending_ || jobs_.empty()) return;
    Callback job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    job();
    job = nullptr;
    lock.lock();
  }
}

void Executor::shut_down() noexcept {
  std::vector<std::thread> threads;
  {
    std::unique_lock lock(mutex_);
    ending_ = true;
    threads.swap(threads_);
    // Before waiting: what the jobs hold may be what a running one waits for. One at a time and without the
    // lock, for it is the program's; not all at once, for a second queue needs memory even where it is empty.
    while (!jobs_.empty()) {
      Callback dropped = std::move(jobs_.front());
      jobs_.pop_front();
      lock.unlock();
      dropped = nullptr;
      lock.lock();
    }
  }
  changed_.notify_all();
  for (std::thread& thread : threads) thread.join();
}

}  // namespace tidegate::loop
