// What all futures share, whatever their result: state, exception, and who is told when they are done. Knows
// neither the type of the result nor coroutines. Not for users.
#pragma once

#include <tidegate/detail/ready.hpp>
#include <tidegate/ref.hpp>

#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace tidegate::detail {

/// How futures find their loop, and find out that it is gone: a future may outlive its loop.
/// Thread: that of the loop.
class LoopLink {
 public:
  explicit LoopLink(Loop& loop) noexcept : loop_(&loop) {}

  void retain() noexcept { ++holders_; }
  void release() noexcept {
    if (--holders_ == 0) delete this;
  }

  /// The loop; null once it is destroyed.
  [[nodiscard]] Loop* loop() const noexcept { return loop_; }
  /// The loop is being destroyed.
  void sever() noexcept { loop_ = nullptr; }

 private:
  ~LoopLink() = default;

  Loop* loop_;
  std::uint32_t holders_ = 0;
};

class FutureCore;

/// Something that runs when a future is done: embedded in what waits, so that waiting allocates nothing.
class DoneWaiter : public ReadyNode {
 public:
  /// `future` is done and this is about to be queued: hold on to what has to live until `run` or `discard`.
  virtual void hold(FutureCore& future) noexcept = 0;
  /// `future` ends without telling anybody, because the loop is gone or the future is.
  virtual void forget() noexcept = 0;

 protected:
  ~DoneWaiter() = default;
};

/// The part of a future that has no type. Counted, as Ref wants it; the typed ends (FutureState, TaskState)
/// store the result and hand its address to the constructor.
///
/// Lifetime: may outlive the loop; then it can be asked, and completing it tells nobody.
/// Thread: that of the loop.
class FutureCore {
 public:
  enum class State : std::uint8_t { pending, cancelled, finished };

  FutureCore(const FutureCore&) = delete;
  FutureCore& operator=(const FutureCore&) = delete;

  void retain() noexcept { ++holders_; }
  void release() noexcept {
    if (--holders_ == 0) delete this;
  }
  /// Whether somebody besides the asker holds this.
  [[nodiscard]] bool is_shared() const noexcept { return holders_ > 1; }

  [[nodiscard]] bool done() const noexcept { return state_ != State::pending; }
  [[nodiscard]] bool cancelled() const noexcept { return state_ == State::cancelled; }
  [[nodiscard]] bool is_task() const noexcept { return is_task_; }
  /// The loop; null once it is destroyed.
  [[nodiscard]] Loop* loop() const noexcept { return link_->loop(); }
  /// The loop. Throws InvalidStateError once it is destroyed.
  [[nodiscard]] Loop& living_loop() const;

  /// Asks for cancellation; false where it is done already. A plain future is cancelled at once.
  virtual bool cancel(const std::string& reason);

  /// The exception, or null. Throws CancelledError where cancelled, InvalidStateError while pending.
  [[nodiscard]] std::exception_ptr exception();
  /// As `exception`, but for whoever must not be thrown at: the CancelledError is returned too. REQUIRES:
  /// done.
  [[nodiscard]] std::exception_ptr failure() noexcept;
  /// Whatever it ended with counts as asked for.
  void mark_retrieved() noexcept { retrieved_ = true; }
  /// Returns where there is a result; throws what `result()` throws otherwise.
  void require_result();
  /// Where the result is stored: a std::optional<T>; null for void.
  [[nodiscard]] void* result_slot() const noexcept { return result_slot_; }

  /// Throws InvalidStateError unless a result or an exception may be set from outside; `operation` is for the
  /// message.
  void require_settable(const char* operation) const;
  /// The result has been stored.
  void finish_with_result() { finish(State::finished); }
  /// Throws std::invalid_argument for null.
  void finish_with_exception(std::exception_ptr exception);
  /// `exception`: the CancelledError that those who wait will get.
  void finish_cancelled(std::exception_ptr exception);

  /// Calls `callback`, with this future or with nothing, from the loop, soon after this is done, in the order
  /// of the calls; never inside this call.
  template <typename Function>
  void add_done_callback(Function&& callback);
  /// As above, without an allocation. Lifetime: until it has run, or was told to discard or forget, or is
  /// removed.
  void add_waiter(DoneWaiter& waiter);
  /// `waiter` will not be queued; without effect where it has been.
  void remove_waiter(DoneWaiter& waiter) noexcept;

  /// An exception that nobody asks for is not worth a report.
  void silence() noexcept { quiet_ = true; }

 protected:
  enum class Kind : std::uint8_t { future, task };

  FutureCore(Loop& loop, void* result_slot, Kind kind);
  virtual ~FutureCore();

  /// The loop closes over a pending task: nobody is told.
  void abandon(std::exception_ptr exception) noexcept;

 private:
  void finish(State state);
  void forget_waiters() noexcept;
  void report_never_retrieved() noexcept;

  Ref<LoopLink> link_;
  void* result_slot_;
  std::exception_ptr exception_;
  // Nearly every future has exactly one waiter; the others go to the heap.
  DoneWaiter* first_ = nullptr;
  std::vector<DoneWaiter*> rest_;
  std::uint32_t holders_ = 0;
  State state_ = State::pending;
  bool is_task_;
  bool retrieved_ = false;
  bool quiet_ = false;
};

/// A callback that was added to a future. Owns itself: it goes with its one call.
template <typename Function>
class DoneCallback final : public DoneWaiter {
 public:
  template <typename Given>
  explicit DoneCallback(Given&& function) : function_(std::forward<Given>(function)) {}
  virtual ~DoneCallback() = default;

  void hold(FutureCore& future) noexcept override { future_ = Ref<FutureCore>(&future); }
  void run() override {
    const std::unique_ptr<DoneCallback> self(this);
    if constexpr (std::is_invocable_v<Function&, FutureCore&>) {
      function_(*future_);
    } else {
      function_();
    }
  }
  void discard() noexcept override { delete this; }
  void forget() noexcept override { delete this; }

 private:
  Function function_;
  Ref<FutureCore> future_;
};

template <typename Function>
void FutureCore::add_done_callback(Function&& callback) {
  auto added = std::make_unique<DoneCallback<std::decay_t<Function>>>(std::forward<Function>(callback));
  add_waiter(*added);
  static_cast<void>(added.release());
}

/// Whether this is a CancelledError. `exception` may be null.
[[nodiscard]] bool is_cancelled_error(const std::exception_ptr& exception) noexcept;

/// A CancelledError with this reason.
[[nodiscard]] std::exception_ptr make_cancelled(const std::string& reason);

}  // namespace tidegate::detail
