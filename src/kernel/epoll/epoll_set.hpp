// One epoll instance: which events it reports for which slots, and waiting for them. Knows nothing of
// operations.
#pragma once

#include <tidegate/descriptor.hpp>
#include <tidegate/handle.hpp>

#include "kernel/channel.hpp"
#include "kernel/epoll/epoll_slot.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>

#include <sys/epoll.h>

namespace tidegate::kernel {

/// Keeps `EpollSlot::registered` and `EpollSlot::interest` true to what the kernel was told.
///
/// Thread: the loop's, except `wake`.
class EpollSet {
 public:
  /// Throws OsError.
  EpollSet();

  /// Has exactly `events` reported for a slot, and, as epoll does in any case, EPOLLHUP and EPOLLERR. Throws
  /// OsError.
  void set_interest(FileDescriptor descriptor, EpollSlot& slot, std::uint32_t events);
  /// Has nothing reported for a slot.
  void forget_interest(FileDescriptor descriptor, EpollSlot& slot) noexcept;

  /// Blocks until there is an event, `wake`, a signal, or the timeout, after asking again and again for as
  /// long as `spin`. What it finds stays until the next call.
  void wait(std::optional<Duration> timeout, Duration spin) noexcept {
    if (spin > Duration::zero() && timeout != Duration::zero() && found_by_spinning(timeout, spin)) return;
    // A signal ends the wait early; the loop looks at its queues and comes back.
    event_count_ = std::max(wait_for_events(timeout), 0);
  }
  /// What `wait` found, once: the next call finds nothing.
  [[nodiscard]] std::span<const epoll_event> take_events() noexcept {
    return std::span(events_).first(static_cast<std::size_t>(std::exchange(event_count_, 0)));
  }

  /// The channel of an event, known to the slot table; for a wake-up one that nobody has.
  [[nodiscard]] static ChannelId channel_of(const epoll_event& event) noexcept {
    return {static_cast<std::uint32_t>(event.data.u64), static_cast<std::uint32_t>(event.data.u64 >> 32U)};
  }

  /// Ends the present or the next `wait`.
  /// Thread: any, and signal handlers.
  void wake() noexcept;

 private:
  static constexpr int kEventsPerWait = 256;

  bool found_by_spinning(std::optional<Duration>& timeout, Duration spin) noexcept;
  int wait_for_events(const std::optional<Duration>& timeout) noexcept;

  OwnedFileDescriptor epoll_;
  OwnedFileDescriptor wake_;
  std::array<epoll_event, kEventsPerWait> events_;
  int event_count_ = 0;
  bool nanosecond_waits_ = true;  // epoll_pwait2: Linux 5.11
};

}  // namespace tidegate::kernel
