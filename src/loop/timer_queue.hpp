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

/// What a TimerHandle refers to: one callback that waits for its time. Counted by its queue and by its
/// handles.
class ScheduledTimer final : public ReadyNode {
 public:
  /// Starts with two holders: the queue and the handle that is returned.
  ScheduledTimer(TimePoint when, Callback callback) noexcept : callback_(std::move(callback)), when_(when) {}

  static void* operator new(std::size_t) { return base::ThreadCache<ScheduledTimer>::allocate(); }
  static void operator delete(void* memory) noexcept {
    base::ThreadCache<ScheduledTimer>::deallocate(memory);
  }

  void run() override;
  void discard() noexcept override;
  void cancel() noexcept;
  [[nodiscard]] bool cancelled() const noexcept { return cancelled_; }
  [[nodiscard]] TimePoint when() const noexcept { return when_; }
  void retain() noexcept { ++holders_; }
  void release() noexcept {
    if (--holders_ == 0) delete this;
  }

 private:
  friend class loop::TimerQueue;
  ~ScheduledTimer() = default;

  Callback callback_;
  TimePoint when_;
  /// Where it waits; null once it is due, cancelled or the loop is gone.
  loop::TimerQueue* queue_ = nullptr;
  std::size_t position_ = 0;
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

  /// Takes over the queue's hold on `timer`.
  void insert(detail::ScheduledTimer& timer);

  /// Takes a timer out and lets go of it. REQUIRES: it waits here.
  void remove(detail::ScheduledTimer& timer) noexcept;

  /// Moves all timers whose time has come to `due`, in the order of their deadlines, ties in the order of
  /// insertion.
  void take_due(TimePoint now, detail::ReadyQueue& due) noexcept;

  /// Lets go of all.
  void clear() noexcept;

 private:
  struct Entry {
    TimePoint when;
    std::uint64_t order;
    detail::ScheduledTimer* timer;

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
