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
      if (registration == nullptr || !registration->arrived.exchange(false, std::memory_order_acq_rel))
        continue;
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
    std::atomic<bool> arrived{false};
  };

  static void on_signal(int signal_number) noexcept;
  static void check_number(int signal_number);

  /// Which loop handles which signal: signals belong to the process, so this is its one table.
  static std::array<std::atomic<Signals*>, kSignals> owners_;

  kernel::Backend& backend_;  // Lifetime: outlives this; both belong to the loop
  std::array<std::unique_ptr<Registration>, kSignals> registrations_;
  std::atomic<bool> any_pending_{false};
};

}  // namespace tidegate::loop
