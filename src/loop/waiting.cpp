// Small waits that the coroutine constructs have in common: see detail/waiting.hpp.
#include <tidegate/detail/waiting.hpp>

#include <utility>

namespace tidegate::detail {

Task<void> wait_done(Ref<FutureCore> future) {
  if (future->done()) co_return;
  const Future<void> waiter = future->living_loop().create_future<void>();
  future->add_done_callback([waiter] {
    if (!waiter.done()) waiter.set_result();
  });
  co_await waiter;
}

TimePoint deadline_after(const Loop& loop, Duration delay) noexcept {
  const TimePoint now = loop.time();
  return delay < TimePoint::max() - now ? now + delay : TimePoint::max();
}

Waiter::Waiter(WaiterList& list) : future_(get_running_loop().create_future<void>()) {
  insert_before(list.head_);
}

/// Takes the first one out of the list; true where it could be woken.
bool WaiterList::take_and_wake() {
  auto& waiter = static_cast<Waiter&>(*head_.next);
  waiter.unlink();
  if (waiter.future_.done()) return false;
  waiter.future_.set_result();
  return true;
}

void WaiterList::wake_next() {
  while (!head_.alone()) {
    if (take_and_wake()) return;
  }
}

void WaiterList::wake_all() {
  while (!head_.alone()) static_cast<void>(take_and_wake());
}

}  // namespace tidegate::detail
