// What is going to happen on a network, in the order of its times, and the clock. Knows no meaning.
#pragma once

#include <tidegate/handle.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

namespace tidegate::kernel::sim {

class EventQueue;

/// Something that may happen at a time, again and again: a member of whatever it happens to. It has its room
/// in the queue for as long as it lives, so setting it never fails.
class Happening {
 public:
  using Call = void (*)(void* owner);

  /// Throws std::bad_alloc. Lifetime: `queue` and `owner` outlive it.
  Happening(EventQueue& queue, void* owner, Call call);
  Happening(const Happening&) = delete;
  Happening& operator=(const Happening&) = delete;
  ~Happening();

  /// It happens then, and at no other time that was set before; a time in the past is now.
  void set(TimePoint when) noexcept;
  void call_off() noexcept;
  [[nodiscard]] bool is_set() const noexcept { return place_ != kNowhere; }

 private:
  friend class EventQueue;
  static constexpr std::size_t kNowhere = std::numeric_limits<std::size_t>::max();

  EventQueue& queue_;
  void* owner_;
  Call call_;
  TimePoint when_;
  std::uint64_t sequence_ = 0;
  std::size_t place_ = kNowhere;
};

/// A method as a `Happening::Call`.
template <auto method, typename Owner>
void call_method(void* owner) {
  (static_cast<Owner*>(owner)->*method)();
}

/// A binary heap by time, and among those of one time by the order in which they were set.
class EventQueue {
 public:
  [[nodiscard]] TimePoint now() const noexcept { return now_; }
  [[nodiscard]] std::optional<TimePoint> next() const noexcept;
  /// As World::advance. What is set meanwhile waits for the next call, even where it is due at once.
  void advance(TimePoint until);

 private:
  friend class Happening;

  [[nodiscard]] static bool is_before(const Happening& one, const Happening& other) noexcept;
  void put(std::size_t place, Happening& happening) noexcept;
  void rise(std::size_t place) noexcept;
  void sink(std::size_t place) noexcept;
  void take_out(Happening& happening) noexcept;

  TimePoint now_ = TimePoint(std::chrono::hours(1));
  std::uint64_t last_sequence_ = 0;
  std::size_t rooms_ = 0;
  std::vector<Happening*> heap_;
};

}  // namespace tidegate::kernel::sim
