// Timers: see timer_queue.hpp.
#include "loop/timer_queue.hpp"

#include <algorithm>

namespace tidegate::detail {

void TimerNode::stop_waiting() noexcept { queue()->remove(*this); }

void ScheduledTimer::run() {
  struct Release {
    ScheduledTimer& timer;
    ~Release() { timer.release(); }
  } release{*this};
  if (cancelled_) return;
  Callback callback = std::move(callback_);
  callback();
}

void ScheduledTimer::discard() noexcept {
  callback_ = nullptr;
  release();
}

void ScheduledTimer::cancel() noexcept {
  if (cancelled_) return;
  cancelled_ = true;
  Callback callback = std::move(callback_);  // may hold the last handle to this: freed when all is done
  if (!is_waiting()) return;
  stop_waiting();
  release();
}

}  // namespace tidegate::detail

namespace tidegate::loop {

void TimerQueue::insert(detail::TimerNode& timer) {
  const Entry entry{timer.when_, next_order_, &timer};
  heap_.push_back(entry);
  ++next_order_;
  timer.queue_ = this;
  rise(heap_.size() - 1, entry);
}

void TimerQueue::remove(detail::TimerNode& timer) noexcept {
  take_out(timer.position_);
  timer.queue_ = nullptr;
}

void TimerQueue::take_due(TimePoint now, detail::ReadyQueue& due) noexcept {
  while (!heap_.empty() && heap_.front().when <= now) {
    detail::TimerNode& timer = *heap_.front().timer;
    take_out(0);
    timer.queue_ = nullptr;
    due.push(timer);
  }
}

void TimerQueue::clear() noexcept {
  // What a callback holds may cancel other timers while it is being destroyed: one at a time.
  while (!heap_.empty()) {
    detail::TimerNode& timer = *heap_.back().timer;
    heap_.pop_back();
    timer.queue_ = nullptr;
    timer.discard();
  }
}

void TimerQueue::place(std::size_t position, const Entry& entry) noexcept {
  heap_[position] = entry;
  entry.timer->position_ = position;
}

void TimerQueue::rise(std::size_t position, const Entry& entry) noexcept {
  while (position > 0) {
    const std::size_t parent = (position - 1) / kWays;
    if (!entry.before(heap_[parent])) break;
    place(position, heap_[parent]);
    position = parent;
  }
  place(position, entry);
}

void TimerQueue::sink(std::size_t position, const Entry& entry) noexcept {
  for (;;) {
    const std::size_t first = position * kWays + 1;
    if (first >= heap_.size()) break;
    const std::size_t end = std::min(first + kWays, heap_.size());
    std::size_t earliest = first;
    for (std::size_t child = first + 1; child < end; ++child) {
      if (heap_[child].before(heap_[earliest])) earliest = child;
    }
    if (!heap_[earliest].before(entry)) break;
    place(position, heap_[earliest]);
    position = earliest;
  }
  place(position, entry);
}

void TimerQueue::take_out(std::size_t position) noexcept {
  const Entry last = heap_.back();
  heap_.pop_back();
  if (position == heap_.size()) return;
  // The last one fills the gap; from there it may belong further up or further down.
  if (position > 0 && last.before(heap_[(position - 1) / kWays])) {
    rise(position, last);
  } else {
    sink(position, last);
  }
}

}  // namespace tidegate::loop
