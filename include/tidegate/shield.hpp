// Keeping a cancellation away from what is waited for.
#pragma once

#include <tidegate/detail/future_state.hpp>
#include <tidegate/detail/waiting.hpp>
#include <tidegate/future.hpp>
#include <tidegate/loop.hpp>
#include <tidegate/task.hpp>

#include <string>
#include <utility>

namespace tidegate {

namespace detail {

/// A future that ends as another does, except that cancelling it leaves the other alone.
template <typename T>
class ShieldState final : public FutureState<T>, private DoneWaiter {
 public:
  ShieldState(Loop& loop, Ref<FutureCore> inner) : FutureState<T>(loop), inner_(std::move(inner)) {}

  /// REQUIRES: called once, on a held object.
  void watch() { inner_->add_waiter(*this); }

  bool cancel(const std::string& reason) override {
    if (!FutureCore::cancel(reason)) return false;
    if (!inner_->done()) inner_->remove_waiter(*this);
    return true;
  }

 private:
  ~ShieldState() override { inner_->remove_waiter(*this); }

  void hold(FutureCore&) noexcept override { this->retain(); }
  void run() override {
    const auto self = Ref<ShieldState>::adopt(this);
    const std::exception_ptr failure = inner_->failure();
    if (this->done()) return;
    if (inner_->cancelled()) {
      this->finish_cancelled(failure);
    } else if (failure != nullptr) {
      this->finish_with_exception(failure);
    } else {
      finish_with_inner_result();
    }
  }
  void discard() noexcept override { this->release(); }
  void forget() noexcept override {}

  void finish_with_inner_result() {
    if constexpr (!std::is_void_v<T>) store_result<T>(*this, take_result<T>(*inner_));
    this->finish_with_result();
  }

  Ref<FutureCore> inner_;
};

}  // namespace detail

/// Waits for `waited` - a Task, which is started as a task of its own, a Future, a TaskHandle - without
/// passing a cancellation on: cancelling the shield, or the task that awaits it, leaves what is waited for
/// running, and only the waiting ends. What is cancelled or fails by itself does so through the shield as
/// well.
template <detail::Awaitable Waited>
[[nodiscard]] Future<typename Waited::ResultType> shield(Waited waited) {
  using T = typename Waited::ResultType;
  if constexpr (requires { waited.core(); }) {
    if (waited.done()) return waited;
  }
  Loop& loop = detail::common_loop(waited);
  const Ref<detail::ShieldState<T>> state(
      new detail::ShieldState<T>(loop, detail::ensure_future(loop, std::move(waited)).core()));
  state->watch();
  return Future<T>(state);
}

}  // namespace tidegate
