// Waiting for time to pass: see sleep.hpp.
#include <tidegate/detail/waiting.hpp>
#include <tidegate/loop.hpp>
#include <tidegate/sleep.hpp>

#include <utility>

namespace tidegate {

namespace {

/// A timer that goes with its coroutine, however that ends.
class ScopedTimer {
 public:
  explicit ScopedTimer(TimerHandle timer) noexcept : timer_(std::move(timer)) {}
  ScopedTimer(const ScopedTimer&) = delete;
  ScopedTimer& operator=(const ScopedTimer&) = delete;
  ~ScopedTimer() { timer_.cancel(); }

 private:
  TimerHandle timer_;
};

}  // namespace

Task<void> sleep(Duration delay) {
  if (delay <= Duration::zero()) {
    co_await detail::kYield;
    co_return;
  }
  Loop& loop = get_running_loop();
  const Future<void> passed = loop.create_future<void>();
  const ScopedTimer timer(loop.call_at(detail::deadline_after(loop, delay), [passed] {
    if (!passed.done()) passed.set_result();
  }));
  co_await passed;
}

}  // namespace tidegate
