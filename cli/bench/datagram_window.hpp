// Which datagrams of one socket are under way: told apart by a number that each begins with, and given up
// where no answer comes. Knows no sockets.
#pragma once

#include <tidegate/bytes.hpp>
#include <tidegate/handle.hpp>

#include "pattern.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <vector>

namespace tidegate::cli::bench {

/// What became of a datagram that came back.
struct Answer {
  /// How long it took; none for one that had been given up, or that had come back before.
  std::optional<Duration> latency = {};
  /// What is wrong with it, for people; empty where nothing is.
  std::string problem = {};
};

/// A fixed number of places for datagrams under way. A datagram is the number of its use of a place, or what
/// of that fits into it, and behind that bytes of a pattern.
class DatagramWindow {
 public:
  /// An answer that takes longer is none: its place is given to the next.
  static constexpr Duration kPatience = std::chrono::milliseconds(200);

  /// How many may be under way where each has `size_bytes`: so many as such a number tells apart.
  [[nodiscard]] static std::size_t most_places(std::size_t size_bytes) noexcept;

  /// REQUIRES: 1 <= `places` <= most_places(size_bytes).
  DatagramWindow(const Pattern& pattern, std::size_t size_bytes, std::size_t places);

  /// Whether another one may go out.
  [[nodiscard]] bool has_room() const noexcept { return !free_.empty(); }
  [[nodiscard]] bool is_empty() const noexcept { return under_way_.empty(); }

  /// The next one, which is under way from `now` on. REQUIRES: has_room().
  /// Lifetime: valid until the next call.
  [[nodiscard]] BytesView next(TimePoint now);

  /// Compares what came back with what was sent.
  [[nodiscard]] Answer take(BytesView datagram, TimePoint now);

  /// When the oldest one under way is to be given up; none where none is.
  [[nodiscard]] std::optional<TimePoint> deadline() const;
  /// Gives up those that should have come back by `now`; how many those are.
  [[nodiscard]] std::size_t give_up(TimePoint now);

 private:
  struct Place {
    /// Of the datagram that is under way, or of the next one.
    std::uint64_t number;
    TimePoint sent_at = {};
    bool is_under_way = false;
  };
  using Places = std::list<Place>;

  void write_number(std::uint64_t number) noexcept;
  [[nodiscard]] std::uint64_t number_of(BytesView datagram) const noexcept;
  [[nodiscard]] std::string mismatch(BytesView datagram, std::uint64_t number) const;
  void set_free(Places::iterator place) noexcept;

  Pattern pattern_;
  std::size_t number_bytes_;
  /// Of the numbers of one place, each is as much more than the last; a power of two.
  std::uint64_t step_ = 1;
  std::vector<std::byte> datagram_;
  /// In the order in which they were sent.
  Places under_way_;
  Places free_;
  std::vector<Places::iterator> places_;
};

}  // namespace tidegate::cli::bench
