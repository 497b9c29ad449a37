// How long a relay that was asked to stop waits for those who take their time.
#pragma once

#include <tidegate/handle.hpp>
#include <tidegate/loop.hpp>

#include <chrono>
#include <functional>
#include <utility>

namespace tidegate::cli::relay {

/// Calls back, unless it has gone by then: a peer that does not take what it was sent must not keep the
/// process alive for ever.
class Farewell {
 public:
  Farewell(Loop& loop, std::function<void()> on_too_long)
      : timer_(loop.call_later(kLongest, [on_too_long = std::move(on_too_long)] { on_too_long(); })) {}
  Farewell(const Farewell&) = delete;
  Farewell& operator=(const Farewell&) = delete;
  ~Farewell() { timer_.cancel(); }

 private:
  static constexpr std::chrono::seconds kLongest{5};

  TimerHandle timer_;
};

}  // namespace tidegate::cli::relay
