// What is counted, and during which part of a run it counts.
#pragma once

#include <tidegate/handle.hpp>

#include "bench/histogram.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace tidegate::cli::bench {

/// Wall-clock time as a number to divide by.
using Seconds = std::chrono::duration<double>;

/// How much of everything.
struct Tally {
  std::uint64_t messages = 0;
  /// Each byte once, also where it went out and came back.
  std::uint64_t bytes = 0;
  /// Datagrams that were given up; and that came back after that, or more than once.
  std::uint64_t lost = 0;
  std::uint64_t late = 0;
  Histogram latency;

  void add(const Tally& other) noexcept {
    messages += other.messages;
    bytes += other.bytes;
    lost += other.lost;
    late += other.late;
    latency.add(other.latency);
  }
};

/// Counts all the time; keeps what falls between `begin` and `end`.
class Measurement {
 public:
  void message(Duration latency) noexcept {
    ++recent_.messages;
    recent_.latency.record(latency);
  }
  void bytes(std::size_t count) noexcept { recent_.bytes += count; }
  void lost(std::size_t count) noexcept { recent_.lost += count; }
  void late() noexcept { ++recent_.late; }

  /// From here on it counts; what was before is forgotten.
  void begin(TimePoint now) noexcept {
    recent_ = Tally();
    begun_ = ended_ = now;
    is_on_ = true;
  }
  /// Up to here. Does nothing where it never began.
  void end(TimePoint now) noexcept {
    if (!is_on_) return;
    take_recent();
    ended_ = now;
    is_on_ = false;
  }

  /// What was counted since this was asked last, or since the beginning: for whoever watches.
  Tally take_recent() noexcept {
    const Tally taken = recent_;
    if (is_on_) total_.add(taken);
    recent_ = Tally();
    return taken;
  }

  [[nodiscard]] bool is_on() const noexcept { return is_on_; }
  /// REQUIRES: it has ended.
  [[nodiscard]] const Tally& total() const noexcept { return total_; }
  [[nodiscard]] Seconds time() const noexcept { return ended_ - begun_; }

 private:
  Tally recent_;
  Tally total_;
  TimePoint begun_;
  TimePoint ended_;
  bool is_on_ = false;
};

}  // namespace tidegate::cli::bench
