// A connection of two stream sockets, as both ends see it: what they may still send and receive, and how it
// ends. Knows nothing of listening, connecting and descriptors.
#pragma once

#include "base/intrusive_list.hpp"
#include "kernel/sim/lane.hpp"
#include "kernel/sim/socket_name.hpp"
#include "kernel/sim/socket_options.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

#include <sys/socket.h>

namespace tidegate::kernel::sim {

struct Environment;

/// Which end: 0 has connected, 1 was accepted.
enum class Side : std::uint8_t { connecting, accepted };

[[nodiscard]] constexpr Side other(Side side) noexcept {
  return side == Side::connecting ? Side::accepted : Side::connecting;
}

class Connection final : public base::ListNode<Connection>, private LaneOwner {
 public:
  /// `options` of the connecting end; both are of one kind, TCP or Unix. Throws std::bad_alloc.
  Connection(Environment& environment, const SocketOptions& options, std::uint32_t name);

  /// From now on bytes travel. `accepted_options`: what the listener passes on; its name: a new one.
  void establish(const SocketOptions& accepted_options) noexcept;

  // --- what belongs to an end ----------------------------------------------------------------------

  [[nodiscard]] SocketOptions& options(Side side) noexcept { return end(side).options; }
  /// What the options of an end say has changed.
  void heed_options(Side side) noexcept;
  /// In the trace.
  [[nodiscard]] std::uint32_t name(Side side) const noexcept { return end(side).name; }
  [[nodiscard]] SocketName& address(Side side) noexcept { return end(side).address; }
  /// Nothing travels between them any more, as getpeername tells.
  [[nodiscard]] bool is_over(Side side) const noexcept { return end(side).is_over; }
  [[nodiscard]] int take_error(Side side) noexcept;

  // --- calls ---------------------------------------------------------------------------------------

  [[nodiscard]] std::ptrdiff_t receive(Side side, msghdr& message, int flags) noexcept;
  [[nodiscard]] std::ptrdiff_t send(Side side, const msghdr& message) noexcept;
  [[nodiscard]] int shutdown(Side side, int how) noexcept;
  [[nodiscard]] short poll(Side side) const noexcept;
  /// The last descriptor of that end is gone.
  void close(Side side) noexcept;
  /// The same, and the other end is told by a reset: nobody has accepted this one.
  void abort(Side side) noexcept;

  // --- the network -------------------------------------------------------------------------------

  [[nodiscard]] bool has_end_at(const Octets& octets) const noexcept;
  /// Both ends are told of a reset at once.
  void break_off() noexcept;
  /// What was blocked may be free: after a cable was mended.
  void resume() noexcept;

 private:
  struct End {
    explicit End(const SocketOptions& of) noexcept : options(of) {}

    SocketOptions options;
    SocketName address;
    std::uint32_t name = 0;
    /// What the next call is told, once.
    int error = 0;
    bool cannot_send = false;
    bool cannot_receive = false;
    /// The other end has said that nothing more comes.
    bool has_end = false;
    /// As TCP_CLOSE: it has ended both ways, or was reset.
    bool is_over = false;
    /// It has told the other end so by a reset.
    bool has_reset = false;
    /// No descriptor is left.
    bool is_released = false;
  };

  void segments_due(Lane& lane) noexcept override;
  void acknowledgement_overdue(Lane& lane) noexcept override;

  [[nodiscard]] End& end(Side side) noexcept { return ends_[static_cast<std::size_t>(side)]; }
  [[nodiscard]] const End& end(Side side) const noexcept { return ends_[static_cast<std::size_t>(side)]; }
  /// What that end sends on, and receives from.
  [[nodiscard]] Lane& out_of(Side side) noexcept { return lanes_[static_cast<std::size_t>(side)]; }
  [[nodiscard]] Lane& into(Side side) noexcept { return out_of(other(side)); }
  [[nodiscard]] const Lane& out_of(Side side) const noexcept {
    return lanes_[static_cast<std::size_t>(side)];
  }
  [[nodiscard]] const Lane& into(Side side) const noexcept { return out_of(other(side)); }
  [[nodiscard]] bool is_blocked_towards(Side side) const noexcept;
  void note(const char* what, Side side, std::int64_t number = 0) noexcept;

  void arrive(Side side) noexcept;
  void bytes_arrive(Side side) noexcept;
  void end_arrives(Side side) noexcept;
  void reset_arrives(Side side) noexcept;
  void fail(Side side, int error) noexcept;
  void answer_with_reset(Side side) noexcept;

  Environment& environment_;
  const bool is_unix_;
  std::array<End, 2> ends_;
  std::array<Lane, 2> lanes_;
};

}  // namespace tidegate::kernel::sim
