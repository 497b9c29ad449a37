// Finds out that a peer has not said anything for a while.
#pragma once

#include <tidegate/handle.hpp>
#include <tidegate/loop.hpp>

#include <functional>
#include <utility>

namespace tidegate::cli::relay {

/// Calls back once nothing was heard for as long as was asked for, while it watches.
///
/// Lifetime: shorter than the loop's.
class Silence {
 public:
  Silence(Duration longest, std::function<void()> on_over)
      : longest_(longest), on_over_(std::move(on_over)) {}
  Silence(const Silence&) = delete;
  Silence& operator=(const Silence&) = delete;
  ~Silence() { stop(); }

  /// Begins to count.
  void watch(Loop& loop) {
    loop_ = &loop;
    heard();
    look_when_due();
  }
  /// Cheap: it moves no timer. Nothing while it does not watch.
  void heard() noexcept {
    if (loop_ != nullptr) last_heard_ = loop_->time();
  }
  void stop() noexcept {
    loop_ = nullptr;
    timer_.cancel();
  }

 private:
  void look_when_due() {
    timer_ = loop_->call_at(last_heard_ + longest_, [this] { look(); });
  }
  void look() {
    if (loop_->time() < last_heard_ + longest_) return look_when_due();
    on_over_();
  }

  Duration longest_;
  std::function<void()> on_over_;
  Loop* loop_ = nullptr;  // while it watches
  TimePoint last_heard_;
  TimerHandle timer_;
};

}  // namespace tidegate::cli::relay
