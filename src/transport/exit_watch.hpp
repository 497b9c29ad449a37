// Learning that a child has ended, without a handler of SIGCHLD.
#pragma once

#include <tidegate/detail/ready.hpp>

#include "kernel/backend.hpp"
#include "loop/loop_core.hpp"
#include "process/child.hpp"

#include <memory>
#include <mutex>
#include <thread>

namespace tidegate::transport {

/// Waits for the end of one child, and tells once: `child_ended`, from the loop. Reaps nothing.
///
/// With a descriptor of the process the kernel says so like anything else; without one (before Linux 5.4, or
/// in a sandbox) a thread of its own waits.
///
/// Lifetime: from `start` until `watch_is_over()` it must stay where it is. Thread: the loop's.
class ExitWatch : private kernel::PollOperation {
 public:
  explicit ExitWatch(loop::LoopCore& core) noexcept : core_(core) {}
  ExitWatch(const ExitWatch&) = delete;
  ExitWatch& operator=(const ExitWatch&) = delete;

  /// Throws OsError, std::system_error where there is no thread.
  void start(const process::Child& child);
  /// Nothing is told any more. Waits for a thread of its own, which ends with the child.
  void stop() noexcept;
  /// The same over a child that may never end: its thread is left alone with it.
  void abandon() noexcept;
  [[nodiscard]] bool watch_is_over() const noexcept { return !in_flight(); }

 protected:
  ~ExitWatch();

 private:
  /// What a waiting thread and the loop share; and the news itself, for which there may be no memory later.
  struct Waiting final : detail::ReadyNode {
    void run() override;
    void discard() noexcept override { const auto share = std::move(queue_share); }

    std::mutex mutex;
    loop::LoopCore* core = nullptr;        // null once nobody is to be told. Guarded by `mutex`
    ExitWatch* watch = nullptr;            // the same; the loop's thread only
    std::shared_ptr<Waiting> queue_share;  // while it is on its way to the loop
  };

  /// The child can be reaped.
  virtual void child_ended() = 0;
  /// `watch_is_over()` has become true.
  virtual void watch_ended() noexcept = 0;

  void ready() final { child_ended(); }
  void completed(int result) final;
  void wait_in_thread(pid_t pid);
  void tell_nobody() noexcept;

  loop::LoopCore& core_;  // Lifetime: outlives every watch
  FileDescriptor handle_;
  std::shared_ptr<Waiting> waiting_;
  std::thread thread_;
};

}  // namespace tidegate::transport
