// One direction of a connection: bytes from one end's send buffer, in segments, to the other end's receive
// buffer. Knows nothing of what the ends make of them, nor of how connections begin and end.
#pragma once

#include "kernel/sim/byte_queue.hpp"
#include "kernel/sim/event_queue.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

#include <sys/socket.h>

namespace tidegate::kernel::sim {

struct Environment;
class Lane;

/// A piece of what travels.
struct Segment {
  enum class Kind : std::uint8_t { bytes, end, reset };

  TimePoint when;
  std::size_t bytes = 0;
  Kind kind = Kind::bytes;
  /// The network breaks the connection when it arrives.
  bool breaks = false;
};

/// Who sends and receives on lanes.
class LaneOwner {
 public:
  /// The first segment of a lane is due; others may be, too.
  virtual void segments_due(Lane& lane) noexcept = 0;
  /// Nothing has been acknowledged for as long as `wait_for_acknowledgement` has said.
  virtual void acknowledgement_overdue(Lane& lane) noexcept = 0;

 protected:
  ~LaneOwner() = default;
};

/// The bytes lie in one queue: first those that have arrived and are not read, then those under way, then
/// those that wait for room at the other end. An acknowledgement takes no time.
class Lane {
 public:
  /// `is_local`: within one machine (a Unix socket): next to no latency, nothing gets lost, and there is no
  /// receive buffer; the sender's holds what is not read. Throws std::bad_alloc.
  Lane(Environment& environment, LaneOwner& owner, bool is_local);

  // --- the sending end -------------------------------------------------------------------------------

  /// What the send buffer holds.
  [[nodiscard]] std::size_t used() const noexcept {
    return is_local_ ? bytes_.size() : bytes_.size() - arrived_;
  }
  /// Throws std::bad_alloc; nothing has changed then.
  void put(const msghdr& message, std::size_t count);
  /// The end, behind all that was put; or a reset that waits its turn as well.
  void put_end(Segment::Kind kind = Segment::Kind::end) noexcept;
  /// A reset, behind what is under way; what is not gets lost.
  void put_reset() noexcept;
  [[nodiscard]] std::size_t under_way() const noexcept { return under_way_; }
  /// Has the owner told when that long passes from now on without an acknowledgement, while there is one to
  /// wait for.
  void wait_for_acknowledgement(Duration most) noexcept;

  // --- the way ---------------------------------------------------------------------------------------

  /// REQUIRES: `is_due`.
  [[nodiscard]] const Segment& first() const noexcept { return segments_[first_]; }
  [[nodiscard]] bool is_due() const noexcept;
  /// Takes the first segment from the way; its bytes can be read.
  void deliver_first() noexcept;
  /// Goes on after deliveries, and after the way was blocked.
  void travel_on() noexcept;
  /// What was blocked on the way arrives after a new latency.
  void start_anew() noexcept;
  /// Nothing travels any more, and nothing waits for it; what has arrived can be read.
  void clear() noexcept;

  // --- the receiving end -----------------------------------------------------------------------------

  [[nodiscard]] std::size_t readable() const noexcept { return arrived_; }
  [[nodiscard]] std::size_t all_bytes() const noexcept { return bytes_.size(); }
  void copy_to(const msghdr& message, std::size_t count) const noexcept { bytes_.copy_to(message, count); }
  /// What has been read makes room for what waits.
  void drop(std::size_t count) noexcept;
  void set_receive_buffer(std::size_t bytes) noexcept;

 private:
  /// Bytes, and behind them an end and a reset: for these two there is always room.
  static constexpr std::size_t kWindow = 30;
  static constexpr std::size_t kSegments = kWindow + 2;

  [[nodiscard]] std::size_t waiting() const noexcept { return bytes_.size() - arrived_ - under_way_; }
  [[nodiscard]] std::size_t window() noexcept;
  void send_what_fits() noexcept;
  void launch(Segment::Kind kind, std::size_t bytes) noexcept;
  void due() noexcept;
  void overdue() noexcept;

  Environment& environment_;
  LaneOwner& owner_;
  ByteQueue bytes_;
  std::size_t arrived_ = 0;
  std::size_t under_way_ = 0;
  std::size_t receive_buffer_ = 0;
  std::array<Segment, kSegments> segments_{};
  std::size_t first_ = 0;
  std::size_t count_ = 0;
  TimePoint last_arrival_;
  Duration patience_{};
  const bool is_local_;
  Segment::Kind end_ = Segment::Kind::end;
  bool ends_ = false;
  bool end_launched_ = false;
  bool window_was_full_ = false;
  Happening arrival_;
  Happening impatience_;
};

}  // namespace tidegate::kernel::sim
