// Timers in the order of their deadlines. Pure: it is told the time.
#pragma once

#include <tidegate/callback.hpp>
#include <tidegate/detail/ready.hpp>
#include <tidegate/handle.hpp>

#include "base/thread_cache.hpp"
#include "loop/ready_queue.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace tidegate::loop {
class TimerQueue;
}

namespace tidegate::detail {

/// A timer's place in its queue, which only the queue touches.
class TimerPlace {
 public:
  explicit TimerPlace(TimePoint when) noexcept : when_(when) {}
  TimerPlace(const TimerPlace&) = delete;
  TimerPlace& operator=(const TimerPlace&) = delete;

  [[nodiscard]] TimePoint when() const noexcept { return when_; }
  /// Whether it waits in a queue of timers.
  [[nodiscard]] bool is_waiting() const noexcept { return queue_ != nullptr; }

 protected:
  /// Where it waits; null once it is due, cancelled or the loop is gone.
  [[nodiscard]] loop::TimerQueue* queue() const noexcept { return queue_; }

 private:
  friend class loop::TimerQueue;

  TimePoint when_;
  loop::TimerQueue* queue_ = nullptr;
  std::size_t position_ = 0;
};

/// Something that waits for its time: linked in, not allocated. When that has come it is in the ready queue.
class TimerNode : public ReadyNode, public TimerPlace {
 public:
  using TimerPlace::TimerPlace;

 protected:
  ~TimerNode() = default;

  /// Takes it out of the queue that it waits in. REQUIRES: `is_waiting()`.
  void stop_waiting() noexcept;
};

/// What a TimerHandle refers to: one callback that waits for its time. Counted by its queue and by its
/// handles.
class ScheduledTimer final : public TimerNode {
 public:
  /// Starts with two holders: the queue and the handle that is returned.
  ScheduledTimer(TimePoint when, Callback callback) noexcept
      : TimerNode(when), callback_(std::move(callback)) {}

  static void* operator new(std::size_t) { return base::ThreadCache<ScheduledTimer>::allocate(); }
  static void operator delete(void* memory) noexcept {
    base::ThreadCache<ScheduledTimer>::deallocate(memory);
  }

  void run() override;
  void discard() noexcept override;
  void cancel() noexcept;
  [[nodiscard]] bool cancelled() const noexcept { return cancelled_; }
  void retain() noexcept { ++holders_; }
  void release() noexcept {
    if (--holders_ == 0) delete this;
  }

 private:
  ~ScheduledTimer() = default;

  Callback callback_;
  std::uint32_t holders_ = 2;
  bool cancelled_ = false;
};

}  // namespace tidegate::detail

namespace tidegate::loop {

/// A four-way heap that knows where each timer stands in it: inserting and cancelling cost O(log n), and a
/// cancelled timer is gone at once instead of waiting for its deadline (contract E1). Four ways, because a
/// node's children then share a cache line or two, which is worth more than the comparisons it costs.
class TimerQueue {
 public:
  TimerQueue() = default;
  TimerQueue(const TimerQueue&) = delete;
  TimerQueue& operator=(const TimerQueue&) = delete;
  ~TimerQueue() { clear(); }

  [[nodiscard]] bool empty() const noexcept { return heap_.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return heap_.size(); }

  /// The earliest deadline; none where nothing waits.
  [[nodiscard]] std::optional<TimePoint> next_deadline() const noexcept {
    if (heap_.empty()) return std::nullopt;
    return heap_.front().when;
  }

  /// Takes over a hold on `timer`, of which it lets go by `discard`, or passes it on when its time has come.
  void insert(detail::TimerNode& timer);

  /// Takes a timer out; the hold on it is the caller's. REQUIRES: it waits here.
  void remove(detail::TimerNode& timer) noexcept;

  /// Moves all timers whose time has come to `due`, in the order of their deadlines, ties in the order of
  /// insertion.
  void take_due(TimePoint now, detail::ReadyQueue& due) noexcept;

  /// Lets go of all.
  void clear() noexcept;

  /// Calls `visit` with each, in no order. Nothing may be inserted or removed meanwhile.
  template <typename Visit>
  void for_each(const Visit& visit) const {
    for (const Entry& entry : heap_) visit(*entry.timer);
  }

 private:
  struct Entry {
    TimePoint when;
    std::uint64_t order;
    detail::TimerNode* timer;

    [[nodiscard]] bool before(const Entry& other) const noexcept {
      return when != other.when ? when < other.when : order < other.order;
    }
  };

  static constexpr std::size_t kWays = 4;

  void place(std::size_t position, const Entry& entry) noexcept;
  void rise(std::size_t position, const Entry& entry) noexcept;
  void sink(std::size_t position, const Entry& entry) noexcept;
  void take_out(std::size_t position) noexcept;

  std::vector<Entry> heap_;
  std::uint64_t next_order_ = 0;
};

}  // namespace tidegate::loop
