// What has happened in a simulation: a hash of everything, and the last of it for people. Knows no meaning.
#pragma once

#include <tidegate/handle.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace tidegate::kernel::sim {

/// One thing that happened.
struct Event {
  TimePoint when;
  /// What, as a literal: "segment arrives". Lifetime: for ever.
  const char* what = "";
  /// Which descriptor, by its name in the world; 0: none.
  std::uint32_t who = 0;
  /// A size, an errno, another descriptor: what `what` is about.
  std::int64_t number = 0;
};

class Trace {
 public:
  void note(const Event& event) noexcept;

  /// Of all that was noted, in order.
  [[nodiscard]] std::uint64_t hash() const noexcept { return hash_; }
  /// How many there were.
  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  /// The last ones, one a line.
  [[nodiscard]] std::string text() const;

 private:
  static constexpr std::size_t kKept = 512;

  std::uint64_t hash_ = 0xcbf29ce484222325U;
  std::uint64_t count_ = 0;
  std::array<Event, kKept> last_{};
};

}  // namespace tidegate::kernel::sim
