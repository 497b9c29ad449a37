// Who has something to send before the loop blocks: see flush_queue.hpp.
#include "loop/flush_queue.hpp"

#include <cassert>
#include <new>
#include <utility>

namespace tidegate::loop {

bool FlushQueue::push(Visitor& visitor) noexcept {
  assert(!visitor.awaits_flush());
  try {
    places_.push_back(&visitor);
  } catch (const std::bad_alloc&) {
    return false;
  }
  visitor.place_ = static_cast<std::uint32_t>(places_.size() - 1);
  ++waiting_;
  return true;
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
