// SIGINT and SIGTERM as calls from the loop, for as long as this lives.
#pragma once

#include <tidegate/loop.hpp>

#include <csignal>
#include <functional>
#include <utility>

namespace tidegate::cli {

/// Calls back each time the process is asked to stop.
///
/// Lifetime: shorter than the loop's.
class StopSignals {
 public:
  StopSignals(Loop& loop, std::function<void()> on_stop) : loop_(loop), on_stop_(std::move(on_stop)) {
    for (const int signal_number : kSignals) loop_.add_signal_handler(signal_number, [this] { on_stop_(); });
  }
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;
  ~StopSignals() {
    for (const int signal_number : kSignals) loop_.remove_signal_handler(signal_number);
  }

 private:
  static constexpr int kSignals[] = {SIGINT, SIGTERM};

  Loop& loop_;
  std::function<void()> on_stop_;
};

}  // namespace tidegate::cli
