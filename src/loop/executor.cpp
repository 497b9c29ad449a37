// The thread pool: see executor.hpp.
#include "loop/executor.hpp"

#include <algorithm>
#include <csignal>
#include <utility>

#include <pthread.h>

namespace tidegate::loop {

namespace {

/// Threads of the pool take no signals: those belong to the threads that the program knows of.
class SignalsBlocked {
 public:
  SignalsBlocked() noexcept {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
};

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
    const SignalsBlocked blocked;
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
    if (jobs_.empty()) return;
    Callback job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    job();
    job = nullptr;
    lock.lock();
  }
}

void Executor::shut_down() noexcept {
  std::deque<Callback> dropped;
  std::vector<std::thread> threads;
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    dropped.swap(jobs_);
    threads.swap(threads_);
  }
  dropped.clear();  // before waiting: what the jobs hold may be what a running one waits for
  changed_.notify_all();
  for (std::thread& thread : threads) thread.join();
}

}  // namespace tidegate::loop
