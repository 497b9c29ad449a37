// The weather that users can have by name, and the check of their own: see conditions.hpp and
// <tidegate/simulated_network.hpp>.
#include "kernel/sim/conditions.hpp"

#include "kernel/sim/chance.hpp"

#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string_view>

#include <fmt/format.h>

namespace tidegate::kernel::sim {

namespace {

void check_chance(std::string_view name, double value) {
  if (value >= 0 && value <= 1) return;  // false for what is no number, too
  throw std::invalid_argument(fmt::format("{} is {}; expected a chance from 0 to 1", name, value));
}

void check_duration(std::string_view name, Duration value) {
  if (value >= Duration::zero() && value <= std::chrono::hours(24 * 365)) return;
  throw std::invalid_argument(
      fmt::format("{} is {} ns; expected a time from 0 to a year", name, value.count()));
}

void check_size(std::string_view name, std::size_t value) {
  constexpr std::size_t kMost = std::size_t{1} << 30U;
  if (value >= 1 && value <= kMost) return;
  throw std::invalid_argument(fmt::format("{} is {}; expected 1 to {} bytes", name, value, kMost));
}

}  // namespace

void check(const NetworkConditions& conditions) {
  check_duration("shortest_latency", conditions.shortest_latency);
  check_duration("longest_latency", conditions.longest_latency);
  if (conditions.longest_latency < conditions.shortest_latency)
    throw std::invalid_argument(
        fmt::format("longest_latency is {} ns; expected no less than shortest_latency, {} ns",
                    conditions.longest_latency.count(), conditions.shortest_latency.count()));
  check_size("largest_segment_bytes", conditions.largest_segment_bytes);
  check_size("send_buffer_bytes", conditions.send_buffer_bytes);
  check_size("receive_buffer_bytes", conditions.receive_buffer_bytes);
  check_chance("segment_loss", conditions.segment_loss);
  check_duration("retransmission", conditions.retransmission);
  check_chance("reset", conditions.reset);
  check_chance("connect_refusal", conditions.connect_refusal);
  check_chance("connect_loss", conditions.connect_loss);
  check_duration("connect_timeout", conditions.connect_timeout);
  check_chance("accept_shortage", conditions.accept_shortage);
  check_chance("datagram_loss", conditions.datagram_loss);
  check_chance("datagram_duplication", conditions.datagram_duplication);
  check_chance("datagram_reordering", conditions.datagram_reordering);
  check_chance("datagram_shortage", conditions.datagram_shortage);
  check_chance("short_transfer", conditions.short_transfer);
  check_chance("spurious_wakeup", conditions.spurious_wakeup);
  check_chance("late_report", conditions.late_report);
}

}  // namespace tidegate::kernel::sim

namespace tidegate {

namespace {

using kernel::sim::Chance;

/// The streams of numbers that weather is drawn from: not that of the network itself, which has the same
/// seed.
constexpr std::uint64_t kRough = 0x726f756768;
constexpr std::uint64_t kHostile = 0x686f7374696c65;

/// Mostly nothing, else anything up to `most`.
double severity(Chance& chance, double most) noexcept {
  constexpr double kSteps = 100;
  if (chance.happens(0.5)) return 0;
  return most * static_cast<double>(chance.below(static_cast<std::uint64_t>(kSteps)) + 1) / kSteps;
}

/// A size of any magnitude: as often up to 10 as up to 100 000.
std::size_t magnitude(Chance& chance, std::size_t least, std::size_t most) noexcept {
  std::size_t bound = least;
  while (bound < most && chance.happens(0.8)) bound *= 4;
  return chance.between(least, bound < most ? bound : most);
}

}  // namespace

NetworkConditions NetworkConditions::calm() noexcept {
  NetworkConditions conditions;
  conditions.short_transfer = 0;
  conditions.spurious_wakeup = 0;
  conditions.late_report = 0;
  return conditions;
}

NetworkConditions NetworkConditions::rough(std::uint64_t seed) noexcept {
  Chance chance(seed ^ kRough);
  NetworkConditions conditions;
  conditions.shortest_latency = chance.between(Duration::zero(), Duration(std::chrono::milliseconds(1)));
  conditions.longest_latency =
      conditions.shortest_latency +
      chance.between(Duration::zero(), Duration(std::chrono::milliseconds(chance.happens(0.2) ? 500 : 20)));
  conditions.largest_segment_bytes = magnitude(chance, 16, 65536);
  conditions.send_buffer_bytes = magnitude(chance, 256, std::size_t{256} * 1024);
  conditions.receive_buffer_bytes = magnitude(chance, 256, std::size_t{256} * 1024);
  conditions.segment_loss = severity(chance, 0.1);
  conditions.retransmission =
      chance.between(Duration(std::chrono::milliseconds(10)), Duration(std::chrono::seconds(1)));
  conditions.datagram_loss = severity(chance, 0.3);
  conditions.datagram_duplication = severity(chance, 0.2);
  conditions.datagram_reordering = severity(chance, 0.3);
  conditions.short_transfer = severity(chance, 0.9);
  conditions.spurious_wakeup = severity(chance, 0.3);
  conditions.late_report = severity(chance, 0.5);
  return conditions;
}

NetworkConditions NetworkConditions::hostile(std::uint64_t seed) noexcept {
  Chance chance(seed ^ kHostile);
  NetworkConditions conditions = rough(seed);
  conditions.accept_shortage = severity(chance, 0.1);
  conditions.datagram_shortage = severity(chance, 0.1);
  conditions.reset = severity(chance, 0.02);
  conditions.connect_refusal = severity(chance, 0.3);
  conditions.connect_loss = severity(chance, 0.2);
  conditions.connect_timeout =
      chance.between(Duration(std::chrono::seconds(1)), Duration(std::chrono::seconds(127)));
  return conditions;
}

}  // namespace tidegate
