// Cutting bytes into segments and sending them on their way: see lane.hpp.
#include "kernel/sim/lane.hpp"

#include "kernel/sim/environment.hpp"

#include <algorithm>

namespace tidegate::kernel::sim {

Lane::Lane(Environment& environment, LaneOwner& owner, bool is_local)
    : environment_(environment),
      owner_(owner),
      is_local_(is_local),
      arrival_(environment.events, this, &call_method<&Lane::due, Lane>),
      impatience_(environment.events, this, &call_method<&Lane::overdue, Lane>) {}

void Lane::put(const msghdr& message, std::size_t count) {
  bytes_.append(message, count);
  send_what_fits();
}

void Lane::put_end(Segment::Kind kind) noexcept {
  if (kind != end_) end_launched_ = false;  // an end may be followed by a reset
  end_ = kind;
  ends_ = true;
  send_what_fits();
}

void Lane::put_reset() noexcept {
  bytes_.drop_back(waiting());
  ends_ = false;
  launch(Segment::Kind::reset, 0);
}

void Lane::wait_for_acknowledgement(Duration most) noexcept {
  patience_ = most;
  if (under_way_ > 0 && patience_ > Duration::zero()) {
    impatience_.set(environment_.now() + patience_);
  } else {
    impatience_.call_off();
  }
}

bool Lane::is_due() const noexcept { return count_ > 0 && first().when <= environment_.now(); }

void Lane::deliver_first() noexcept {
  arrived_ += first().bytes;
  under_way_ -= first().bytes;
  first_ = (first_ + 1) % kSegments;
  --count_;
}

void Lane::travel_on() noexcept {
  send_what_fits();
  if (count_ > 0) arrival_.set(first().when);
  if (patience_ > Duration::zero()) wait_for_acknowledgement(patience_);
}

void Lane::start_anew() noexcept {
  const TimePoint when = environment_.now() + environment_.latency();
  for (std::size_t at = 0; at < count_; ++at) {
    Segment& segment = segments_[(first_ + at) % kSegments];
    segment.when = std::max(segment.when, when);
  }
  last_arrival_ = std::max(last_arrival_, when);
  travel_on();
}

void Lane::clear() noexcept {
  bytes_.drop_back(bytes_.size() - arrived_);
  under_way_ = 0;
  count_ = 0;
  ends_ = false;
  arrival_.call_off();
  impatience_.call_off();
}

void Lane::drop(std::size_t count) noexcept {
  bytes_.drop_front(count);
  arrived_ -= count;
  send_what_fits();
}

void Lane::set_receive_buffer(std::size_t bytes) noexcept {
  receive_buffer_ = bytes;
  send_what_fits();
}

/// How much may be sent now.
std::size_t Lane::window() noexcept {
  if (is_local_) return waiting();
  const std::size_t used = arrived_ + under_way_;
  const std::size_t room = receive_buffer_ - std::min(receive_buffer_, used);
  // One that was full is not opened again for a few bytes: they would be many segments of a few bytes from
  // then on.
  const std::size_t worth_it = std::min(waiting(), std::max<std::size_t>(1, receive_buffer_ / 2));
  window_was_full_ = room == 0 || (window_was_full_ && room < worth_it);
  return window_was_full_ ? 0 : room;
}

void Lane::send_what_fits() noexcept {
  while (waiting() > 0 && count_ < kWindow) {
    const std::size_t room = window();
    if (room == 0) return;
    const std::size_t largest =
        environment_.chance.between(std::size_t{1}, environment_.conditions.largest_segment_bytes);
    const std::size_t bytes = std::min({largest, waiting(), room});
    under_way_ += bytes;
    launch(Segment::Kind::bytes, bytes);
  }
  if (!ends_ || end_launched_ || waiting() > 0) return;
  end_launched_ = true;
  launch(end_, 0);
}

void Lane::launch(Segment::Kind kind, std::size_t bytes) noexcept {
  Segment segment{environment_.now(), bytes, kind, false};
  if (is_local_) {
    segment.when += environment_.chance.between(Duration::zero(), environment_.conditions.shortest_latency);
  } else {
    segment.when += environment_.latency();
    if (environment_.chance.happens(environment_.conditions.segment_loss))
      segment.when += environment_.conditions.retransmission;
    segment.breaks = environment_.chance.happens(environment_.conditions.reset);
  }
  // In order: what is late holds up what is behind it.
  segment.when = std::max(segment.when, last_arrival_);
  last_arrival_ = segment.when;
  segments_[(first_ + count_) % kSegments] = segment;
  if (++count_ > 1) return;
  arrival_.set(segment.when);
  if (patience_ > Duration::zero() && !impatience_.is_set()) wait_for_acknowledgement(patience_);
}

void Lane::due() noexcept { owner_.segments_due(*this); }

void Lane::overdue() noexcept { owner_.acknowledgement_overdue(*this); }

}  // namespace tidegate::kernel::sim
