// Who has something to send before the loop blocks: see flush_queue.hpp.
#include "loop/flush_queue.hpp"

#include <cassert>
#include <utility>

namespace tidegate::loop {

void FlushQueue::push(Visitor& visitor) {
  assert(!visitor.awaits_flush());
  places_.push_back(&visitor);
  visitor.place_ = static_cast<std::uint32_t>(places_.size() - 1);
  ++waiting_;
}

void FlushQueue::remove(Visitor& visitor) noexcept {
  if (!visitor.awaits_flush()) return;
  places_[std::exchange(visitor.place_, Visitor::kNone)] = nullptr;
  --waiting_;
}

void FlushQueue::flush() {
  const std::size_t end = places_.size();
  for (std::size_t place = 0; place < end; ++place) {
    Visitor* visitor = places_[place];
    if (visitor == nullptr) continue;
    remove(*visitor);
    visitor->flush();
  }
  // Those who asked meanwhile move up.
  places_.erase(places_.begin(), places_.begin() + static_cast<std::ptrdiff_t>(end));
  for (std::size_t place = 0; place < places_.size(); ++place) {
    if (places_[place] != nullptr) places_[place]->place_ = static_cast<std::uint32_t>(place);
  }
}

}  // namespace tidegate::loop
