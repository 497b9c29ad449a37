// Events: tasks wait until something has happened.
#pragma once

#include <tidegate/detail/waiting.hpp>
#include <tidegate/task.hpp>

#include <memory>

namespace tidegate {

/// A flag that can be waited for: asyncio's `Event`. Not set at first.
///
/// Lifetime: may go while tasks wait; those wait for ever then.
/// Thread: that of the loop whose tasks wait.
class Event {
 public:
  Event() : state_(std::make_shared<State>()) {}
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  [[nodiscard]] bool is_set() const noexcept { return state_->is_set; }
  /// Sets it; every task that waits goes on, in the order in which they began to.
  void set();
  /// Unsets it: who waits from now on waits for the next `set`.
  void clear() noexcept { state_->is_set = false; }
  /// Returns once it is set, at once where it is.
  [[nodiscard]] Task<void> wait() { return wait_for_set(state_); }

 private:
  struct State {
    detail::WaiterList waiters;
    bool is_set = false;
  };

  static Task<void> wait_for_set(std::shared_ptr<State> state);

  std::shared_ptr<State> state_;  // waiting coroutines hold a share
};

}  // namespace tidegate
