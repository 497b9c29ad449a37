// The inside of a loop: one iteration, and what the layers above need of it. Knows no transports, only what
// they leave with it.
#pragma once

#include <tidegate/bytes.hpp>
#include <tidegate/detail/ready.hpp>
#include <tidegate/detail/task_core.hpp>
#include <tidegate/loop.hpp>

#include "base/block_pool.hpp"
#include "base/intrusive_list.hpp"
#include "base/lies_in.hpp"
#include "kernel/backend.hpp"
#include "loop/executor.hpp"
#include "loop/flush_queue.hpp"
#include "loop/ready_queue.hpp"
#include "loop/remote_calls.hpp"
#include "loop/signals.hpp"
#include "loop/timer_queue.hpp"
#include "loop/visitor.hpp"
#include "loop/watches.hpp"

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <thread>
#include <utility>

namespace tidegate::loop {

/// Told of the time that a loop sleeps: for those whose callbacks run under a lock that others need
/// meanwhile.
class SleepObserver {
 public:
  virtual void falls_asleep() noexcept = 0;
  /// It goes on with the next callbacks.
  virtual void wakes_up() noexcept = 0;

 protected:
  ~SleepObserver() = default;
};

/// One loop.
///
/// Thread: that of the loop, except `remote_calls`.
class LoopCore {
 public:
  LoopCore(Loop& loop, const LoopOptions& options);
  LoopCore(const LoopCore&) = delete;
  LoopCore& operator=(const LoopCore&) = delete;
  ~LoopCore();

  [[nodiscard]] Loop& loop() const noexcept { return loop_; }
  [[nodiscard]] kernel::Backend& backend() const noexcept { return *backend_; }
  [[nodiscard]] base::BlockPool& blocks() noexcept { return blocks_; }
  [[nodiscard]] TimerQueue& timers() noexcept { return timers_; }
  [[nodiscard]] RemoteCalls& remote_calls() noexcept { return remote_calls_; }
  [[nodiscard]] Executor& executor() noexcept { return executor_; }
  [[nodiscard]] Signals& signals() noexcept { return signals_; }
  [[nodiscard]] Watches& watches() noexcept { return watches_; }
  [[nodiscard]] detail::TaskRegistry& tasks() noexcept { return tasks_; }

  void run_forever();
  void stop() noexcept { stopping_ = true; }
  /// Ends `run_forever` after the callback that is running: what was to run behind it in this iteration stays
  /// ready, and runs first when the loop runs again.
  void interrupt() noexcept {
    stopping_ = true;
    interrupted_ = true;
  }
  [[nodiscard]] bool is_running() const noexcept { return running_; }
  [[nodiscard]] bool is_closed() const noexcept { return closed_; }
  void close();

  /// Runs `node` in the next iteration.
  void schedule(detail::ReadyNode& node) noexcept { ready_.push(node); }

  /// Has `visitor` flushed before the loop blocks; at once where the loop does not run.
  void flush_soon(Visitor& visitor);
  /// The same, also where it does not run: at once only where there is no memory to note it.
  void flush_later(Visitor& visitor) {
    if (!visitor.awaits_flush() && !unflushed_.push(visitor)) visitor.flush();
  }
  /// Whether a protocol may be called now that there is room: only while the loop runs. Where it does not,
  /// `visitor` is flushed once it does; where there is no memory to note that, late is worse than early.
  [[nodiscard]] bool may_tell_of_room(Visitor& visitor) noexcept {
    return running_ || (!visitor.awaits_flush() && !unflushed_.push(visitor));
  }
  /// Takes that back.
  void forget_flush(Visitor& visitor) noexcept { unflushed_.remove(visitor); }

  /// They are told when the loop closes, until they leave the list by themselves.
  void admit(Resident& resident) noexcept { residents_.push_back(resident); }
  void admit(Visitor& visitor) noexcept { visitors_.push_back(visitor); }

  /// Bytes that a backend has lent, while the callback that they were lent to is running.
  struct Delivery {
    const void* to = nullptr;  // a visitor
    BytesView bytes;

    /// Whether `view` lies in bytes that were lent to `visitor`.
    [[nodiscard]] bool lends(const void* visitor, BytesView view) const noexcept {
      return to == visitor && base::lies_in(view, bytes);
    }
  };
  /// The delivery that is going on, or nobody's. Whoever delivers sets it, and resets it.
  Delivery delivery;
  /// How large the memory is that a protocol has given for what is received next.
  std::size_t asked_bytes = 0;

  /// In debug mode, logs the callback that runs during its life if that takes long (contract E3).
  class CallbackTimer {
   public:
    explicit CallbackTimer(const LoopCore& core) : core_(core.debug_ ? &core : nullptr) {
      if (core_ != nullptr) start_ = core_->backend_->now();
    }
    CallbackTimer(const CallbackTimer&) = delete;
    CallbackTimer& operator=(const CallbackTimer&) = delete;
    ~CallbackTimer() {
      if (core_ != nullptr) core_->log_if_slow(core_->backend_->now() - start_);
    }

   private:
    const LoopCore* core_;  // null outside debug mode
    TimePoint start_;
  };

  /// Calls `work`; what it throws is told to the exception handler, under `message`.
  template <typename Work>
  void run_reporting(Work&& work, const char* message) {
    const CallbackTimer timer(*this);
    try {
      work();
    } catch (...) {
      report(message, std::current_exception());
    }
  }

  /// Tells the exception handler; without its words where there is no memory for them.
  void report(const char* message, std::exception_ptr exception, BaseTransport* transport = nullptr,
              BaseProtocol* protocol = nullptr) noexcept;

  /// Throws InvalidStateError once closed.
  void check_open() const;
  /// In debug mode, on a thread that is not the running loop's: reports and throws InvalidStateError
  /// (contract E3).
  void check_thread() const {
    if (debug_) check_thread_in_debug_mode();
  }

  void set_debug(bool enabled) noexcept { debug_ = enabled; }
  [[nodiscard]] bool debug() const noexcept { return debug_; }

  /// May be null. Lifetime: outlives the loop's last run.
  SleepObserver* sleep_observer = nullptr;

  /// Calls `visit` with every node that is ready or waits for its time. Nothing may change meanwhile.
  template <typename Visit>
  void for_each_scheduled(const Visit& visit) const {
    ready_.for_each(visit);
    timers_.for_each(visit);
  }

  ExceptionHandler exception_handler;
  Duration slow_callback_duration = std::chrono::milliseconds(100);

 private:
  static constexpr int kLastFlushes = 8;

  void run_once();
  void flush() noexcept;
  void dispatch() noexcept;
  void wait() noexcept;
  void sleep(std::optional<Duration> timeout) noexcept;
  [[nodiscard]] std::optional<Duration> time_to_wait() const noexcept;
  void run(detail::ReadyQueue& queue, std::size_t count) noexcept;
  void log_if_slow(Duration taken) const noexcept;
  void check_thread_in_debug_mode() const;
  void discard_ready() noexcept;

  Loop& loop_;  // Lifetime: owns this
  std::unique_ptr<kernel::Backend> backend_;
  base::BlockPool blocks_;
  detail::TaskRegistry tasks_;
  detail::ReadyQueue ready_;
  TimerQueue timers_;
  RemoteCalls remote_calls_;
  Signals signals_;
  Watches watches_;
  Executor executor_;
  const Duration spin_;
  FlushQueue unflushed_;
  base::IntrusiveList<Resident, ResidentTag> residents_;
  base::IntrusiveList<Visitor, VisitorTag> visitors_;
  std::atomic<std::thread::id> thread_;
  bool running_ = false;
  bool stopping_ = false;
  bool interrupted_ = false;
  bool closed_ = false;
  bool debug_ = false;
};

}  // namespace tidegate::loop
