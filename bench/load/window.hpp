// When to measure, and what was measured: warm-up, window, the figures at both of its ends.
#pragma once

#include "arguments.hpp"
#include "histogram.hpp"
#include "server_figures.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace load {

using Clock = std::chrono::steady_clock;

/// What a run has found out.
struct Measurement {
  std::chrono::nanoseconds duration{};
  std::uint64_t messages = 0;
  std::uint64_t bytes = 0;
  /// Datagrams that were given up.
  std::uint64_t lost = 0;
  std::chrono::nanoseconds load_time{};
  std::optional<ProcessorTime> server_time;
  std::optional<Memory> memory_before;
  std::optional<Memory> memory;
  Histogram latency;
};

/// Counts what was done between two moments, and what it cost.
class Window {
 public:
  /// Looks at the server's memory: before the first connection.
  explicit Window(const Arguments& arguments);

  /// Everything is connected: the warm-up begins, if there is one.
  void begin();

  /// To be called after each round of events. False once the window is over.
  [[nodiscard]] bool goes_on();

  /// Opens and closes it by hand, for runs of a fixed length. Closing throws std::runtime_error where not one
  /// message got through, as does `goes_on`.
  void open();
  void close();

  /// Bytes got where they should. Messages are counted by their bytes, so that long ones that are under way
  /// at either end of the window count with the part that belongs to it.
  void count(std::size_t bytes) noexcept { bytes_ += bytes; }
  /// Datagrams were given up.
  void count_lost(std::size_t datagrams) noexcept { lost_ += datagrams; }
  /// A message's duration: counts inside the window only.
  void count_latency(std::chrono::nanoseconds duration) noexcept {
    if (phase_ == Phase::open) measurement_.latency.add(duration);
  }

  /// REQUIRES: closed.
  [[nodiscard]] const Measurement& measurement() const noexcept { return measurement_; }

 private:
  enum class Phase { warming_up, opening, open, closing, closed };

  struct Mark {
    Clock::time_point time;
    std::uint64_t bytes = 0;
    std::uint64_t lost = 0;
    std::chrono::nanoseconds load_time{};
    ProcessorTime server_time;
  };

  void enter(Phase phase) noexcept;
  [[nodiscard]] bool figures_are_fresh();
  [[nodiscard]] Mark mark() const;

  std::size_t message_bytes_;
  std::optional<ServerProcess> server_;
  Clock::duration warm_up_;
  Clock::duration measured_;
  Phase phase_ = Phase::warming_up;
  Clock::time_point next_;
  std::optional<std::chrono::nanoseconds> stale_time_;
  Mark begin_;
  std::uint64_t bytes_ = 0;
  std::uint64_t lost_ = 0;
  Measurement measurement_;
};

}  // namespace load
