// What calls on the ends of a connection do, and what arrives does to them: see connection.hpp.
#include "kernel/sim/connection.hpp"

#include "kernel/sim/environment.hpp"

#include <algorithm>
#include <cerrno>
#include <new>
#include <utility>

#include <poll.h>

namespace tidegate::kernel::sim {

Connection::Connection(Environment& environment, const SocketOptions& options, std::uint32_t name)
    : environment_(environment),
      is_unix_(options.is_unix()),
      ends_{End(options), End(options)},
      lanes_{Lane(environment, *this, is_unix_), Lane(environment, *this, is_unix_)} {
  ends_[0].name = name;
}

void Connection::establish(const SocketOptions& accepted_options) noexcept {
  End& accepted = end(Side::accepted);
  accepted.options = accepted_options;
  accepted.name = environment_.new_name();
  heed_options(Side::connecting);
  heed_options(Side::accepted);
  environment_.connections.push_back(*this);
  note("is connected with", Side::connecting, accepted.name);
}

void Connection::heed_options(Side side) noexcept {
  const SocketOptions& options = end(side).options;
  into(side).set_receive_buffer(options.receive_buffer_bytes());
  out_of(side).wait_for_acknowledgement(options.user_timeout().value_or(Duration::zero()));
  into(side).travel_on();  // it may have played dead until now
}

int Connection::take_error(Side side) noexcept { return std::exchange(end(side).error, 0); }

std::ptrdiff_t Connection::receive(Side side, msghdr& message, int flags) noexcept {
  Lane& lane = into(side);
  message.msg_namelen = 0;
  message.msg_controllen = 0;
  message.msg_flags = 0;
  const std::size_t most = std::min(lane.readable(), bytes_of(message));
  if (most > 0) {
    const std::size_t count = environment_.transfer_of(most);
    lane.copy_to(message, count);
    if ((flags & MSG_PEEK) == 0) lane.drop(count);
    note("receives", side, static_cast<std::int64_t>(count));
    return static_cast<std::ptrdiff_t>(count);
  }
  if (lane.readable() > 0) return 0;  // nothing was asked for
  // TCP forgets what has gone wrong behind an end in order; a Unix socket does not.
  if (!is_unix_ && end(side).has_end) return 0;
  if (const int error = take_error(side); error != 0) return -error;
  return end(side).cannot_receive ? 0 : -EAGAIN;
}

std::ptrdiff_t Connection::send(Side side, const msghdr& message) noexcept {
  // A Unix socket that is shut down does not even look for an error.
  if (is_unix_ && end(side).cannot_send) return -EPIPE;
  if (const int error = take_error(side); error != 0) return -error;
  if (end(side).cannot_send) return -EPIPE;
  const std::size_t asked_for = bytes_of(message);
  if (asked_for == 0) return 0;
  Lane& lane = out_of(side);
  const std::size_t capacity = end(side).options.send_buffer_bytes();
  const std::size_t room = capacity - std::min(capacity, lane.used());
  if (room == 0) return -EAGAIN;
  const std::size_t count = environment_.transfer_of(std::min(room, asked_for));
  try {
    lane.put(message, count);
  } catch (const std::bad_alloc&) {
    return -ENOBUFS;
  }
  note("sends", side, static_cast<std::int64_t>(count));
  return static_cast<std::ptrdiff_t>(count);
}

int Connection::shutdown(Side side, int how) noexcept {
  End& here = end(side);
  End& there = end(other(side));
  if (!is_unix_ && here.is_over) return -ENOTCONN;
  note("is shut down", side, how);
  if (how != SHUT_WR) {
    here.cannot_receive = true;
    if (is_unix_) there.cannot_send = true;
  }
  if (how == SHUT_RD || here.cannot_send) return 0;
  here.cannot_send = true;
  out_of(side).put_end();
  return 0;
}

short Connection::poll(Side side) const noexcept {
  const End& here = end(side);
  const Lane& lane = out_of(side);
  const std::size_t capacity = here.options.send_buffer_bytes();
  // As Linux: not for every byte of room.
  const bool has_room = is_unix_ ? lane.used() * 4 <= capacity : lane.used() * 3 <= capacity * 2;
  int events = 0;
  if (into(side).readable() > 0 || here.cannot_receive) events |= POLLIN;
  if (here.cannot_receive) events |= POLLRDHUP;
  if (here.cannot_receive && here.cannot_send) events |= POLLHUP;
  if (has_room || (!is_unix_ && here.cannot_send)) events |= POLLOUT;
  if (here.error != 0) events |= POLLERR;
  return static_cast<short>(events);
}

void Connection::close(Side side) noexcept {
  End& here = end(side);
  here.is_released = true;
  const bool was_over = here.is_over;
  const bool has_unread = is_unix_ ? into(side).all_bytes() > 0 : into(side).readable() > 0;
  here.cannot_receive = true;
  note("is closed", side);
  if (is_unix_) {
    // The other end can't send from now on; that nothing more comes it learns behind what is under way.
    end(other(side)).cannot_send = true;
    here.cannot_send = true;
    here.is_over = true;
    out_of(side).put_end(has_unread ? Segment::Kind::reset : Segment::Kind::end);
    into(side).clear();
    hurry(other(side));
  } else if (!was_over && (has_unread || here.options.resets_when_closed())) {
    answer_with_reset(side);
  } else if (!here.cannot_send) {
    here.cannot_send = true;
    out_of(side).put_end();
  }
  into(side).drop(into(side).readable());
}

void Connection::abort(Side side) noexcept {
  end(side).is_released = true;
  note("is aborted", side);
  if (!end(side).is_over) answer_with_reset(side);
}

bool Connection::has_end_at(const Octets& octets) const noexcept {
  return !is_unix_ &&
         (ends_[0].address.internet.octets == octets || ends_[1].address.internet.octets == octets);
}

void Connection::break_off() noexcept {
  reset_arrives(Side::connecting);
  reset_arrives(Side::accepted);
}

void Connection::resume() noexcept {
  for (const Side side : {Side::connecting, Side::accepted}) {
    if (!is_blocked_towards(side)) into(side).start_anew();
  }
}

/// Within one machine what was sent is there before anything that tells of the end.
void Connection::hurry(Side towards) noexcept {
  Lane& lane = into(towards);
  while (lane.hurry()) segments_due(lane);
}

bool Connection::is_blocked_towards(Side side) const noexcept {
  return !is_unix_ &&
         (end(side).options.plays_dead() ||
          environment_.addresses.is_cut(ends_[0].address.internet.octets, ends_[1].address.internet.octets));
}

void Connection::note(const char* what, Side side, std::int64_t number) noexcept {
  environment_.note(what, end(side).name, number);
}

// --- What arrives ----------------------------------------------------------------------------------------

void Connection::segments_due(Lane& lane) noexcept {
  const Side side = &lane == &lanes_[0] ? Side::accepted : Side::connecting;
  while (lane.is_due()) {
    if (is_blocked_towards(side)) return;
    arrive(side);
  }
  lane.travel_on();
}

void Connection::arrive(Side side) noexcept {
  Lane& lane = into(side);
  const Segment segment = lane.first();
  if (segment.breaks) {
    note("is reset by the network", side);
    break_off();
    lane.clear();  // also where both ends were over already, and this was the reset of one
    return;
  }
  lane.deliver_first();
  switch (segment.kind) {
    case Segment::Kind::bytes:
      note("is reached by bytes", side, static_cast<std::int64_t>(segment.bytes));
      bytes_arrive(side);
      return;
    case Segment::Kind::end:
      note("is reached by the end", side);
      end_arrives(side);
      return;
    case Segment::Kind::reset:
      note("is reached by a reset", side);
      reset_arrives(side);
      return;
  }
}

void Connection::bytes_arrive(Side side) noexcept {
  End& here = end(side);
  if (is_unix_) {
    if (here.is_released) into(side).clear();
    return;
  }
  const bool is_shut_down = here.cannot_send && here.cannot_receive && !here.has_end;
  if (!here.is_released && !here.is_over && !is_shut_down) return;
  // Nobody is going to read them, and the sender has to know.
  if (!here.is_released && !here.is_over) here.error = ECONNRESET;
  answer_with_reset(side);
  into(side).drop(into(side).readable());
  into(side).clear();
}

void Connection::end_arrives(Side side) noexcept {
  End& here = end(side);
  End& there = end(other(side));
  here.has_end = true;
  here.cannot_receive = true;
  if (is_unix_ || !there.has_end) return;
  // Both ends have been told, so nothing is left to be done for either.
  here.is_over = true;
  there.is_over = true;
}

void Connection::reset_arrives(Side side) noexcept {
  End& here = end(side);
  if (here.is_over) return;
  if (is_unix_) {
    here.error = ECONNRESET;
    here.cannot_receive = true;
    here.cannot_send = true;
    return;
  }
  // One that knew already that nothing comes has only tried to send.
  fail(side, here.has_end && !here.cannot_send ? EPIPE : ECONNRESET);
}

void Connection::acknowledgement_overdue(Lane& lane) noexcept {
  const Side side = &lane == &lanes_[0] ? Side::connecting : Side::accepted;
  note("has waited too long", side);
  fail(side, ETIMEDOUT);
}

void Connection::fail(Side side, int error) noexcept {
  End& here = end(side);
  here.error = error;
  here.is_over = true;
  here.cannot_send = true;
  here.cannot_receive = true;
  out_of(side).clear();
}

/// Ends it here, and tells the other end.
void Connection::answer_with_reset(Side side) noexcept {
  End& here = end(side);
  here.cannot_send = true;
  here.cannot_receive = true;
  here.is_over = true;
  if (is_unix_) end(other(side)).cannot_send = true;
  if (here.has_reset) return;
  here.has_reset = true;
  out_of(side).put_reset();
}

}  // namespace tidegate::kernel::sim
