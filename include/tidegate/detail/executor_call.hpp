// A function on its way to the executor and its result on the way back. Knows the loop only as something to
// post to. Not for users.
#pragma once

#include <tidegate/detail/future_state.hpp>
#include <tidegate/detail/ready.hpp>
#include <tidegate/detail/task_core.hpp>

#include <atomic>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

namespace tidegate::detail {

/// One call of `run_in_executor`, without its types.
///
/// The future belongs to the loop's thread: a pool thread never touches it, not even its count. So the call
/// is what is shared, and the future is let go of by the loop's thread when the result arrives, on
/// cancellation, or when the loop closes.
///
/// Thread: `perform` on a pool thread, everything else on the loop's.
class ExecutorCall : public RingLink, public ReadyNode, public std::enable_shared_from_this<ExecutorCall> {
 public:
  ExecutorCall(Loop& loop, FutureCore& future) : loop_(loop), future_(&future) {}
  ExecutorCall(const ExecutorCall&) = delete;
  ExecutorCall& operator=(const ExecutorCall&) = delete;
  virtual ~ExecutorCall() = default;

  /// Enters the loop's registry, which keeps this until it is let go of.
  void admit();
  /// Calls the function, unless that was cancelled, and sends the result to the loop; nowhere where that is
  /// closed.
  void perform() noexcept;
  /// Nobody waits any more: the function is not called unless that has begun, and its result is dropped.
  void let_go() noexcept;

 protected:
  /// Calls the function and keeps what it returns; destroys the function. May throw what it throws.
  virtual void invoke() = 0;
  /// Moves what the function returned into the future.
  virtual void store(FutureCore& future) = 0;

 private:
  void run() override;
  void discard() noexcept override;
  void deliver();

  Loop& loop_;  // Lifetime: waits for its pool before it goes
  Ref<FutureCore> future_;
  std::shared_ptr<ExecutorCall> own_share_;
  std::shared_ptr<ExecutorCall> queue_share_;  // while it is on its way back
  std::exception_ptr failure_;
  std::atomic<bool> unwanted_ = false;
};

/// The future of such a call: cancelling it cancels a call that has not begun.
template <typename T>
class ExecutorFuture final : public FutureState<T> {
 public:
  using FutureState<T>::FutureState;

  void belongs_to(std::weak_ptr<ExecutorCall> call) noexcept { call_ = std::move(call); }

  bool cancel(const std::string& reason) override {
    if (!FutureCore::cancel(reason)) return false;
    if (const auto call = call_.lock()) call->let_go();
    return true;
  }

 private:
  std::weak_ptr<ExecutorCall> call_;
};

template <typename Function, typename T>
class TypedExecutorCall final : public ExecutorCall {
 public:
  template <typename Given>
  TypedExecutorCall(Loop& loop, FutureCore& future, Given&& function)
      : ExecutorCall(loop, future), function_(std::forward<Given>(function)) {}

 private:
  void invoke() override {
    // Destroyed here, and not where the result arrives: what a job holds is the job's, its thread too.
    std::optional<Function> function;
    function.emplace(std::move(*function_));
    function_.reset();
    if constexpr (std::is_void_v<T>) {
      (*function)();
      result_.emplace();
    } else {
      result_.emplace((*function)());
    }
  }

  void store(FutureCore& future) override { store_result<T>(future, std::move(*result_)); }

  std::optional<Function> function_;
  std::optional<Stored<T>> result_;
};

}  // namespace tidegate::detail
