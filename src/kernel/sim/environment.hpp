// What the rooms of a simulated network have in common: the clock, chance, the trace, who is called what.
// Knows nothing of how sockets behave.
#pragma once

#include <tidegate/simulated_network.hpp>

#include "base/intrusive_list.hpp"
#include "kernel/sim/address_book.hpp"
#include "kernel/sim/chance.hpp"
#include "kernel/sim/datagram.hpp"
#include "kernel/sim/event_queue.hpp"
#include "kernel/sim/trace.hpp"

#include <cstddef>
#include <cstdint>

namespace tidegate::kernel::sim {

class Connection;

struct Environment {
  Chance& chance;
  Trace& trace;
  const NetworkConditions& conditions;
  EventQueue events{};
  AddressBook addresses{};
  /// Those that are established, in the order in which they were.
  base::IntrusiveList<Connection> connections{};
  /// Those under way, which own themselves.
  base::IntrusiveList<Datagram> datagrams{};
  std::uint32_t last_name = 0;

  [[nodiscard]] TimePoint now() const noexcept { return events.now(); }
  [[nodiscard]] std::uint32_t new_name() noexcept { return ++last_name; }
  [[nodiscard]] Duration latency() noexcept {
    return chance.between(conditions.shortest_latency, conditions.longest_latency);
  }
  void note(const char* what, std::uint32_t who, std::int64_t number = 0) noexcept {
    trace.note({.when = now(), .what = what, .who = who, .number = number});
  }
  /// How many bytes a call moves where it could move `count`, at least 1: a short transfer is drawn.
  [[nodiscard]] std::size_t transfer_of(std::size_t count) noexcept {
    return chance.happens(conditions.short_transfer) ? chance.between(std::size_t{1}, count) : count;
  }
};

}  // namespace tidegate::kernel::sim
