// Small waits that the coroutine constructs have in common. Not for users.
#pragma once

#include <tidegate/detail/future_core.hpp>
#include <tidegate/handle.hpp>
#include <tidegate/loop.hpp>
#include <tidegate/ref.hpp>
#include <tidegate/task.hpp>

#include <concepts>
#include <utility>

namespace tidegate::detail {

/// Waits until `future` is done, whatever its outcome. Cancelling this does not cancel `future`.
[[nodiscard]] Task<void> wait_done(Ref<FutureCore> future);

/// Now plus `delay`, or the end of time where that comes first.
[[nodiscard]] TimePoint deadline_after(const Loop& loop, Duration delay) noexcept;

/// A future for what may be one already.
template <typename T>
[[nodiscard]] Future<T> ensure_future(Loop& loop, Task<T> task) {
  return loop.create_task(std::move(task));
}
template <typename T>
[[nodiscard]] Future<T> ensure_future(Loop&, Future<T> future) {
  return future;
}

/// What can be waited for beside other things: a Task, a Future, a TaskHandle.
template <typename Candidate>
concept Awaitable = std::derived_from<Candidate, Task<typename Candidate::ResultType>> ||
    std::derived_from<Candidate, Future<typename Candidate::ResultType>>;

/// The loop of the first that is a future already, else the one that runs.
template <typename... Waited>
[[nodiscard]] Loop& common_loop(const Waited&... waited) {
  Loop* loop = nullptr;
  const auto look = [&loop]<typename W>(const W& one) {
    if constexpr (requires { one.core(); }) {
      if (loop == nullptr) loop = &one.core()->living_loop();
    }
  };
  (look(waited), ...);
  return loop != nullptr ? *loop : get_running_loop();
}

class WaiterList;

/// One coroutine's place in a list of those that wait; a variable of that coroutine.
class Waiter final : public RingLink {
 public:
  explicit Waiter(WaiterList& list);
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;
  ~Waiter() { unlink(); }

  [[nodiscard]] const Future<void>& future() const noexcept { return future_; }

 private:
  friend class WaiterList;
  Future<void> future_;
};

/// Who waits, in the order of coming.
/// Lifetime: as long as its waiters.
class WaiterList {
 public:
  WaiterList() noexcept = default;
  WaiterList(const WaiterList&) = delete;
  WaiterList& operator=(const WaiterList&) = delete;

  /// Wakes the first one that was not cancelled.
  void wake_next();
  void wake_all();

 private:
  friend class Waiter;
  struct Head final : RingLink {};

  [[nodiscard]] bool take_and_wake();

  Head head_;
};

}  // namespace tidegate::detail
