// A loop that is run by another thread than the one that set it up.
#pragma once

#include "kernel/seam_test.hpp"

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace tidegate::kernel::testing {

/// A thread that does what it is told, while whoever tells it waits.
class OtherThread {
 public:
  OtherThread() : thread_([this] { work(); }) {}
  OtherThread(const OtherThread&) = delete;
  OtherThread& operator=(const OtherThread&) = delete;
  ~OtherThread() { end(); }

  void run(std::function<void()> job) {
    std::unique_lock lock(mutex_);
    job_ = std::move(job);
    changed_.notify_all();
    changed_.wait(lock, [this] { return job_ == nullptr; });
  }
  void end() {
    if (!thread_.joinable()) return;
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
      changed_.notify_all();
    }
    thread_.join();
  }

 private:
  void work() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] { return ending_ || job_ != nullptr; });
      if (job_ == nullptr) return;
      job_();
      job_ = nullptr;
      changed_.notify_all();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::function<void()> job_;
  bool ending_ = false;
  std::thread thread_;
};

/// A test whose loop is set up by one thread and run by another.
class MovingTest : public SeamTest {
 protected:
  /// Has `begin` done in another thread, and what a loop does when it stops. The thread has then ended or is
  /// still there.
  void elsewhere(bool it_ends, const std::function<void()>& begin) {
    started_elsewhere(it_ends, [&] {
      begin();
      backend().submit();
    });
  }
  /// The same where no loop has run.
  void started_elsewhere(bool it_ends, const std::function<void()>& begin) {
    others_.push_back(std::make_unique<OtherThread>());
    others_.back()->run(begin);
    if (it_ends) others_.back()->end();
  }

 private:
  std::vector<std::unique_ptr<OtherThread>> others_;
};

}  // namespace tidegate::kernel::testing
