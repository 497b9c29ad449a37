// Signals as callbacks in the loop (contract E4). Knows the process's signal dispositions, not what the
// callbacks do.
#pragma once

#include <tidegate/callback.hpp>

#include "kernel/backend.hpp"

#include <array>
#include <atomic>
#include <csignal>
#include <memory>

namespace tidegate::loop {

/// The signal handlers of one loop. A signal that arrives is noted in signal context, where nothing else is
/// allowed; the loop runs the callback when it comes round.
///
/// Thread: the loop's.
class Signals {
 public:
  explicit Signals(kernel::Backend& backend) noexcept : backend_(backend) {}
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;
  ~Signals() { remove_all(); }

  /// As Loop::add_signal_handler.
  void add(int signal_number, Callback callback);
  /// As Loop::remove_signal_handler.
  bool remove(int signal_number);
  void remove_all() noexcept;

  /// True where a signal has arrived that `run_pending` has not dealt with.
  [[nodiscard]] bool pending() const noexcept { return any_pending_.load(std::memory_order_acquire); }

  /// Runs the callbacks of the signals that have arrived: each once, however often it came. `report` is told
  /// what they throw.
  template <typename Run>
  void run_pending(const Run& run) {
    any_pending_.store(false, std::memory_order_release);
    for (int number = 1; number < kSignals; ++number) {
      Registration* registration = registrations_[static_cast<std::size_t>(number)].get();
      Arrival& arrival = arrivals_[static_cast<std::size_t>(number)];
      if (registration == nullptr || !arrival.noted.exchange(false)) continue;
      // The callback may replace or remove itself: it stays alive meanwhile.
      const std::shared_ptr<Callback> callback = registration->callback;
      run(*callback);
    }
  }

 private:
  static constexpr int kSignals = 65;  // 1 ... 64 on Linux

  struct Registration {
    std::shared_ptr<Callback> callback;
    struct sigaction before {};
  };

  /// What a handler touches, in signal context and on any thread: it stays for ever.
  struct Arrival {
    std::atomic<Signals*> owner{nullptr};
    std::atomic<bool> noted{false};
    /// Handlers that are running; the owner does not go before they have ended.
    std::atomic<int> handlers{0};
  };

  static void on_signal(int signal_number) noexcept;
  static void check_number(int signal_number);
  static void disown(Arrival& arrival) noexcept;

  /// Signals belong to the process, so this is its one table.
  static std::array<Arrival, kSignals> arrivals_;

  kernel::Backend& backend_;  // Lifetime: outlives this; both belong to the loop
  std::array<std::unique_ptr<Registration>, kSignals> registrations_;
  std::atomic<bool> any_pending_{false};
};

}  // namespace tidegate::loop
