// Events: see event.hpp.
#include <tidegate/event.hpp>

#include <utility>

namespace tidegate {

void Event::set() {
  if (std::exchange(state_->is_set, true)) return;
  state_->waiters.wake_all();
}

Task<void> Event::wait_for_set(std::shared_ptr<State> state) {
  if (state->is_set) co_return;
  const detail::Waiter waiter(state->waiters);
  co_await waiter.future();
}

}  // namespace tidegate
