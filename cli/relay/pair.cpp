// See pair.hpp.
#include "relay/pair.hpp"

#include <utility>

namespace tidegate::cli::relay {

void Pair::join(End end, std::shared_ptr<Side> side) {
  Half& half = at(end);
  if (half.is_gone) return;  // it was quicker than the news of its coming
  half.side = std::move(side);
  half.has_joined = true;
  // Something may have happened to it before the news of its coming.
  half.input_is_over = half.input_is_over || !half.side->reads();
  half.takes_bytes = half.side->writes() && !half.was_lost;
  if (is_closing_) {
    half.side->close();
    return;
  }
  if (!is_complete()) return;
  for (const End each : {End::from, End::to}) {
    decide_reading(each);
    // An end that never says anything has not ended: one that is only written to is not to be cut short for
    // it.
    if (at(each).input_is_over && at(each).side->reads()) pass_on_end(each);
  }
  close_if_over();
}

// --- what happens to an end --------------------------------------------------------------------------------

void Pair::bytes_came(End end, BytesView data) {
  Half& source = at(end);
  source.bytes += data.size();
  Half& sink = at(other(end));
  if (sink.takes_bytes && !is_closing_) {
    sink.side->write(data);
  } else {
    source.dropped_bytes += data.size();
  }
}

void Pair::overran(End end, std::size_t size_bytes) noexcept {
  at(end).bytes += size_bytes;
  at(end).dropped_bytes += size_bytes;
  at(end).overrun_bytes += size_bytes;
}

void Pair::ended(End end) {
  if (std::exchange(at(end).input_is_over, true) || is_closing_) return;
  pass_on_end(end);
  close_if_over();
}

void Pair::pass_on_end(End end) {
  Half& sink = at(other(end));
  if (!sink.takes_bytes) return;
  // To close TO would be to lose the answer to what FROM has asked before it ended. What TO said before it
  // ended is an answer that is complete, which FROM may only see when it ends, too.
  if (end == End::to && sink.side->ends_as_a_whole()) return close();
  sink.side->end_writing();
}

void Pair::takes_no_more(End end) {
  Half& half = at(end);
  half.takes_bytes = false;
  half.was_lost = true;
  half.is_full = false;
  if (is_closing_) return;
  decide_reading(other(end));
  close_if_over();
}

void Pair::full(End end) {
  at(end).is_full = true;
  decide_reading(other(end));
}

void Pair::has_room(End end) {
  at(end).is_full = false;
  decide_reading(other(end));
}

void Pair::gone(End end, const Error& reason) {
  if (at(end).is_gone) return;
  // An end over TLS that says close_notify would vouch for the whole.
  const std::shared_ptr<Side> rest = at(other(end)).side;
  if (reason && !at(end).input_is_over && rest && rest->ends_as_a_whole())
    return gone_in_the_middle(end, reason);
  const std::shared_ptr<Side> until_told = at(end).side;
  forget(end, reason);
  close();
  if (on_gone_) on_gone_();
}

void Pair::gone_in_the_middle(End end, const Error& reason) {
  if (at(end).is_gone) return;
  const std::shared_ptr<Side> until_told = at(end).side;
  forget(end, reason);
  const std::shared_ptr<Side> rest = at(other(end)).side;
  if (!std::exchange(is_closing_, true) && rest) rest->cut();
  if (on_gone_) on_gone_();
}

void Pair::forget(End end, const Error& reason) {
  Half& half = at(end);
  half.is_gone = true;
  if (reason && !failure_) failure_ = Failure{end, reason};
  half.input_is_over = true;
  half.takes_bytes = false;
  half.was_lost = true;
  half.side.reset();
}

// --- the rules ---------------------------------------------------------------------------------------------

/// Whether nothing will go that way any more. An end that never took anything (a FIFO that is read) is
/// listened to all the same: its other end may need the time to take what it was sent.
bool Pair::is_over(End begins_at) const noexcept {
  return at(begins_at).input_is_over || at(other(begins_at)).was_lost;
}

void Pair::decide_reading(End end) {
  Half& half = at(end);
  if (!is_complete() || is_closing_ || half.input_is_over) return;
  const bool should_pause = at(other(end)).is_full;
  if (std::exchange(half.is_paused, should_pause) == should_pause) return;
  if (should_pause) {
    half.side->pause_reading();
  } else {
    half.side->resume_reading();
  }
}

void Pair::close_if_over() {
  if (is_complete() && is_over(End::from) && is_over(End::to)) close();
}

// --- what is asked of both ---------------------------------------------------------------------------------

void Pair::close() {
  if (std::exchange(is_closing_, true)) return;
  for (const End end : {End::from, End::to}) {
    if (const std::shared_ptr<Side> side = at(end).side) side->close();
  }
}

void Pair::abort() {
  is_closing_ = true;
  for (const End end : {End::from, End::to}) {
    if (const std::shared_ptr<Side> side = at(end).side) side->abort();
  }
}

bool Pair::is_empty() const noexcept { return !at(End::from).side && !at(End::to).side; }

WayFigures Pair::figures(End end) const noexcept {
  const Half& source = at(end);
  const Half& sink = at(other(end));
  WayFigures figures{
      .bytes = source.bytes, .dropped_bytes = source.dropped_bytes, .overrun_bytes = source.overrun_bytes};
  if (sink.takes_bytes) figures.level = sink.side->level();
  figures.paused = source.side && source.is_paused && !source.input_is_over;
  return figures;
}

}  // namespace tidegate::cli::relay
