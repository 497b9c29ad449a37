// The way of a function to a pool thread and back: see detail/executor_call.hpp.
#include <tidegate/detail/executor_call.hpp>
#include <tidegate/loop.hpp>

#include "loop/loop_core.hpp"

#include <utility>

namespace tidegate::detail {

void ExecutorCall::admit() {
  own_share_ = shared_from_this();
  task_registry(loop_).add(*this);
}

void ExecutorCall::perform() noexcept {
  if (unwanted_.load(std::memory_order_relaxed)) return;
  try {
    invoke();
  } catch (...) {
    failure_ = std::current_exception();
  }
  // Linked in, for there may be no memory for a call. Where the loop is closed, it has let go of the future,
  // and nobody is left to be told.
  queue_share_ = shared_from_this();
  if (!loop_.core().remote_calls().push(*this)) queue_share_.reset();
}

void ExecutorCall::run() {
  const auto share = std::move(queue_share_);
  deliver();
}

void ExecutorCall::discard() noexcept { const auto share = std::move(queue_share_); }

void ExecutorCall::let_go() noexcept {
  unwanted_.store(true, std::memory_order_relaxed);
  unlink();
  const auto last = std::exchange(own_share_, nullptr);
  future_.reset();
}

void ExecutorCall::deliver() {
  if (!future_) return;
  const Ref<FutureCore> future = future_;
  let_go();
  if (future->done()) return;
  if (failure_ != nullptr) {
    future->finish_with_exception(std::exchange(failure_, nullptr));
    return;
  }
  try {
    store(*future);
  } catch (...) {
    future->finish_with_exception(
        std::current_exception());  // the result could not be moved: that is the outcome then
    return;
  }
  future->finish_with_result();
}

}  // namespace tidegate::detail
