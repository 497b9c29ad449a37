// The heap of what is going to happen: see event_queue.hpp.
#include "kernel/sim/event_queue.hpp"

#include <algorithm>

namespace tidegate::kernel::sim {

Happening::Happening(EventQueue& queue, void* owner, Call call) : queue_(queue), owner_(owner), call_(call) {
  const std::size_t rooms = queue.rooms_ + 1;
  if (queue.heap_.capacity() < rooms) queue.heap_.reserve(std::max(rooms, 2 * queue.heap_.capacity()));
  queue.rooms_ = rooms;
}

Happening::~Happening() {
  call_off();
  --queue_.rooms_;
}

void Happening::set(TimePoint when) noexcept {
  call_off();
  when_ = std::max(when, queue_.now_);
  sequence_ = ++queue_.last_sequence_;
  queue_.heap_.push_back(this);  // never allocates: the room was made when this was
  queue_.put(queue_.heap_.size() - 1, *this);
  queue_.rise(place_);
}

void Happening::call_off() noexcept {
  if (is_set()) queue_.take_out(*this);
}

std::optional<TimePoint> EventQueue::next() const noexcept {
  if (heap_.empty()) return std::nullopt;
  return heap_.front()->when_;
}

void EventQueue::advance(TimePoint until) {
  const TimePoint target = heap_.empty() ? until : std::min(until, heap_.front()->when_);
  now_ = std::max(now_, target);
  const std::uint64_t last_of_these = last_sequence_;
  while (!heap_.empty()) {
    Happening& first = *heap_.front();
    if (first.when_ > now_ || first.sequence_ > last_of_these) return;
    take_out(first);
    first.call_(first.owner_);
  }
}

bool EventQueue::is_before(const Happening& one, const Happening& other) noexcept {
  return one.when_ != other.when_ ? one.when_ < other.when_ : one.sequence_ < other.sequence_;
}

void EventQueue::put(std::size_t place, Happening& happening) noexcept {
  heap_[place] = &happening;
  happening.place_ = place;
}

void EventQueue::rise(std::size_t place) noexcept {
  Happening& rising = *heap_[place];
  while (place > 0) {
    const std::size_t above = (place - 1) / 2;
    if (!is_before(rising, *heap_[above])) break;
    put(place, *heap_[above]);
    place = above;
  }
  put(place, rising);
}

void EventQueue::sink(std::size_t place) noexcept {
  Happening& sinking = *heap_[place];
  while (true) {
    std::size_t below = 2 * place + 1;
    if (below >= heap_.size()) break;
    if (below + 1 < heap_.size() && is_before(*heap_[below + 1], *heap_[below])) ++below;
    if (!is_before(*heap_[below], sinking)) break;
    put(place, *heap_[below]);
    place = below;
  }
  put(place, sinking);
}

void EventQueue::take_out(Happening& happening) noexcept {
  const std::size_t place = happening.place_;
  happening.place_ = Happening::kNowhere;
  Happening& last = *heap_.back();
  heap_.pop_back();
  if (&last == &happening) return;
  put(place, last);
  rise(place);
  sink(last.place_);
}

}  // namespace tidegate::kernel::sim
