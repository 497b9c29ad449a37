// The seam on io_uring, from the wait on: whom a completion concerns. What is received is in
// uring_receive.cpp.
#include "kernel/file_calls.hpp"
#include "kernel/socket_calls.hpp"
#include "kernel/uring/uring_backend.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <poll.h>
#include <unistd.h>

namespace tidegate::kernel {

// --- taking completions --------------------------------------------------------------------------

UringBackend::Arrival UringBackend::take_from_ring() noexcept {
  Arrival arrival;
  arrival.completion = ring_->take();
  const RequestTag tag = arrival.tag();
  arrival.piece = buffers_->piece_of(arrival.completion);
  if (!arrival.completion.more() && tag.request() != Request::none) --requests_;
  if (tag.request() == Request::send_lent) {
    const LentSend send = lent_sends_.take(tag.channel().index);
    arrival.piece = send.piece;
    arrival.completion.tag = RequestTag(Request::send, send.channel).value();
  }
  return arrival;
}

/// Takes everything out of the ring, for the next dispatch.
void UringBackend::fetch_backlog() noexcept {
  while (ring_->ready() > 0) {
    try {
      backlog_.emplace_back();
    } catch (const std::bad_alloc&) {
      return;  // it waits in the ring
    }
    backlog_.back() = take_from_ring();
  }
}

/// What became of the channel's send, if it has completed.
std::optional<UringBackend::Arrival> UringBackend::take_send_of(ChannelId channel) noexcept {
  fetch_backlog();
  const auto found = std::find_if(backlog_.begin(), backlog_.end(), [&](const Arrival& arrival) {
    return arrival.tag() == RequestTag(Request::send, channel);
  });
  if (found == backlog_.end()) return std::nullopt;
  const Arrival arrival = *found;
  backlog_.erase(found);
  return arrival;
}

/// What is found is what is there now: callbacks that have the kernel called in between don't make it longer.
void UringBackend::dispatch() {
  dispatch_number_ = (dispatch_number_ + 1U) & UringSlot::kDispatchNumberBits;
  // The oldest first: after a move to another thread, what is due may receive what comes after it.
  for (std::size_t left = backlog_.size(); left > 0 && !backlog_.empty(); --left) {
    const Arrival arrival = backlog_.front();
    backlog_.pop_front();
    dispatch(arrival);
  }
  if (!due_.empty()) look_at_what_is_due();
  for (unsigned left = ring_->ready(); left > 0; --left) {
    // What was moved to the backlog meanwhile comes before the rest.
    if (!backlog_.empty() || ring_->ready() == 0) return;
    dispatch(take_from_ring());
  }
}

void UringBackend::look_at_what_is_due() {
  // Looked at or not: what has left the list may come back to it.
  std::size_t looked_at = 0;
  const base::ScopeExit forget(
      [&] { due_.erase(due_.begin(), due_.begin() + static_cast<std::ptrdiff_t>(looked_at)); });
  for (const std::size_t count = due_.size(); looked_at < count;) {
    const ChannelId channel = due_[looked_at++];
    UringSlot* slot = slots_.find(channel);
    if (slot == nullptr) continue;
    slot->is_due = false;
    look_at(channel, *slot);
  }
}

void UringBackend::dispatch(const Arrival& arrival) {
  const RequestTag tag = arrival.tag();
  UringSlot* slot = slots_.find(tag.channel());
  if (slot == nullptr) {
    dispatch_stale(arrival);
    if (tag.request() == Request::wake && !arrival.completion.more()) request_wake();
    return;
  }
  switch (tag.request()) {
    case Request::receive:
    case Request::accept:
    case Request::poll_input:
    case Request::watch_input:
    case Request::watch_hangup:
      dispatch_input(tag.channel(), *slot, arrival);
      break;
    case Request::send: {
      const base::ScopeExit give_back([&] {
        if (!arrival.piece.empty()) buffers_->give_back(arrival.piece);
      });
      end_output(*slot, why_not_sent(tag.channel(), *slot, arrival.completion.result));
      break;
    }
    case Request::poll_output:
    case Request::watch_output:
      if (!arrival.completion.more()) slot->output_request = Request::none;
      output_is_ready(tag.channel(), *slot, arrival.completion.result);
      break;
    case Request::none:
    case Request::wake:
    case Request::send_lent:
      break;  // carry no channel
  }
}

/// Something is to be done without a completion.
void UringBackend::look_at(ChannelId channel, UringSlot& slot) {
  if (slot.has_parked && slot.input_kind == UringSlot::Input::accept) {
    accept_parked(channel, slot);
  } else if (slot.input_kind == UringSlot::Input::hangup) {
    if (const int error = parked_error(channel, slot); error != 0) end_input(slot, error);
  } else if (receives(slot)) {
    if (slot.has_parked) {
      deliver_parked(channel, slot);
    } else if (slot.input_request == (drains(*slot.input) ? Request::none : Request::watch_input)) {
      if (slot.channel_kind == ChannelKind::socket || has_input(descriptor_of(channel)))
        receive_when_ready(channel, slot);
    } else {
      arm_input(channel, slot);
    }
  } else if (receives_datagrams(slot)) {
    receive_datagrams(channel, slot);
  }
  if (still_is(channel, slot) && waits_for_room(slot)) output_is_ready(channel, slot, POLLOUT);
}

/// Nobody's, or that of somebody who has gone: what it holds goes back.
void UringBackend::dispatch_stale(const Arrival& arrival) noexcept {
  if (!arrival.piece.empty()) buffers_->give_back(arrival.piece);
  const RequestTag tag = arrival.tag();
  if (tag.request() == Request::accept && arrival.completion.result >= 0)
    OwnedFileDescriptor(FileDescriptor{arrival.completion.result}).reset();
}

// --- input ---------------------------------------------------------------------------------------

void UringBackend::dispatch_input(ChannelId channel, UringSlot& slot, const Arrival& arrival) {
  if (!arrival.completion.more()) slot.input_request = Request::none;
  switch (arrival.tag().request()) {
    case Request::receive:
      received(channel, slot, arrival);
      break;
    case Request::accept:
      accepted(channel, slot, arrival.completion.result);
      break;
    default:
      input_is_ready(channel, slot, arrival.completion.result);
      break;
  }
}

void UringBackend::input_is_ready(ChannelId channel, UringSlot& slot, int events) {
  if (events == -ECANCELED) return arm_input(channel, slot);
  if (events == -EBADF) return;  // closed by the user while it was watched: as on epoll, that was all
  const bool broken = events < 0 || (events & (POLLHUP | POLLERR)) != 0;
  switch (slot.input_kind) {
    case UringSlot::Input::receive:
      if (receives(slot) && !drains(*slot.input) && !slot.has_parked) {
        // It had its share of this dispatch, and has the next in the next one.
        if (slot.is_due) return arm_input(channel, slot);
        return receive_when_ready(channel, slot);
      }
      // Nobody wants to be told at present: it is asked anew when somebody does.
      if (slot.input_request == Request::watch_input) stop_input(channel, slot);
      break;
    case UringSlot::Input::datagrams:
      if (receives_datagrams(slot)) {
        receive_datagrams(channel, slot);
        if (broken && still_is(channel, slot)) discard_error_queue(descriptor_of(channel));
        return;
      }
      if (slot.input_request == Request::watch_input) stop_input(channel, slot);  // the same
      break;
    case UringSlot::Input::poll:
      static_cast<PollOperation&>(*slot.input).ready();
      return poll_again_soon(channel);
    case UringSlot::Input::hangup:
      // What has no readiness (/dev/null) refuses the request like this, and never hangs up.
      if (events == -EINVAL && slot.channel_kind == ChannelKind::file) return;
      // ENOMEM: it can't be waited for, so the operation ends with that, as on epoll.
      if (events < 0) return end_input(slot, events);
      if (broken)
        return end_input_after_send(channel, slot, hangup_of(descriptor_of(channel), slot.channel_kind));
      break;
    case UringSlot::Input::accept:
    case UringSlot::Input::none:
      break;
  }
  if (still_is(channel, slot)) arm_input(channel, slot);
}

// --- accepting -----------------------------------------------------------------------------------

namespace {

net::SocketAddress peer_of(FileDescriptor descriptor) noexcept {
  net::SocketAddress peer;
  peer.length = net::SocketAddress::capacity();
  // One that has broken already has none any more.
  if (::getpeername(descriptor.number, peer.get(), &peer.length) != 0) peer.length = 0;
  return peer;
}

}  // namespace

void UringBackend::accepted(ChannelId channel, UringSlot& slot, int result) {
  const bool listens = slot.input_kind == UringSlot::Input::accept;
  if (result >= 0) {
    OwnedFileDescriptor connection(FileDescriptor{result});
    if (listens && !slot.has_parked) {
      const net::SocketAddress peer = peer_of(connection.get());
      static_cast<AcceptOperation&>(*slot.input).accepted(std::move(connection), peer);
    } else {
      try {
        parked_[channel.index].accepted.push_back(std::move(connection));
        slot.has_parked = true;
      } catch (const std::bad_alloc&) {
        // `connection` is closed, which is what a listener that closes does to those that wait in its queue.
      }
    }
  } else if (listens && result != -ECANCELED && result != -EAGAIN && !concerns_one_connection(-result)) {
    return end_input(slot, result);
  }
  if (still_is(channel, slot)) arm_input(channel, slot);
}

void UringBackend::accept_parked(ChannelId channel, UringSlot& slot) {
  while (still_is(channel, slot) && slot.input_kind == UringSlot::Input::accept) {
    ParkedInput& parked = parked_[channel.index];
    OwnedFileDescriptor connection = std::move(parked.accepted.front());
    parked.accepted.pop_front();
    if (parked.empty()) {
      parked_.erase(channel.index);
      slot.has_parked = false;
    }
    const net::SocketAddress peer = peer_of(connection.get());
    const bool last = !slot.has_parked;
    static_cast<AcceptOperation&>(*slot.input).accepted(std::move(connection), peer);
    if (last) break;
  }
  if (still_is(channel, slot) && !slot.has_parked) arm_input(channel, slot);
}

// --- output --------------------------------------------------------------------------------------

void UringBackend::output_is_ready(ChannelId channel, UringSlot& slot, int events) {
  if (events == -ECANCELED) return arm_output(channel, slot);
  if (events == -EBADF) return;
  if (events >= 0 && (events & (POLLOUT | POLLHUP | POLLERR)) == 0) {
    // The other end has finished sending, which ends every single-shot poll at once: changes are waited for
    // instead.
    const bool waits = waits_for_room(slot) || slot.output_kind == UringSlot::Output::poll;
    if (waits && slot.output_request == Request::none) request_output(channel, slot, Request::watch_output);
    return;
  }
  switch (slot.output_kind) {
    case UringSlot::Output::room:
      if (!send_gathered(channel, slot)) return arm_output(channel, slot);
      break;
    case UringSlot::Output::file_room:
      if (!send_file(channel, slot)) return arm_output(channel, slot);
      break;
    case UringSlot::Output::datagram_room:
      if (!send_datagrams(channel, slot)) {
        // Otherwise the next poll would end at once, again and again.
        if (events < 0 || (events & POLLERR) != 0) discard_error_queue(descriptor_of(channel));
        return arm_output(channel, slot);
      }
      break;
    case UringSlot::Output::poll:
      static_cast<PollOperation&>(*slot.output).ready();
      // It wants to hear of it as long as it is so, and a watch tells of changes.
      if (still_is(channel, slot)) stop_output(channel, slot);
      return poll_again_soon(channel);
    case UringSlot::Output::connect:
      end_output(slot, events < 0 ? events : pending_error(descriptor_of(channel)));
      break;
    case UringSlot::Output::send:
    case UringSlot::Output::none:
      break;
  }
  if (!still_is(channel, slot)) return;
  if (slot.output_kind == UringSlot::Output::none) stop_output(channel, slot);
  arm_output(channel, slot);
}

void UringBackend::end_input(UringSlot& slot, int result) {
  Operation& operation = *slot.input;
  slot.clear_input();
  complete(operation, result);
}

/// The kernel tells one of those who ask why a connection broke; for the others it has ended in order. A send
/// that was the first is told before, so that the end is taken for what it is.
void UringBackend::end_input_after_send(ChannelId channel, UringSlot& slot, int result) {
  Operation* const operation = slot.input;
  if (result == 0 && slot.output_kind == UringSlot::Output::send) {
    if (const std::optional<Arrival> sent = take_send_of(channel)) dispatch(*sent);
    if (!still_is(channel, slot) || slot.input != operation || held(*operation)) return;
  }
  end_input(slot, result);
}

void UringBackend::end_output(UringSlot& slot, int result) {
  if (slot.output == nullptr) return;
  Operation& operation = *slot.output;
  if (slot.output_cancelled) {
    --cancelled_;
    result = -ECANCELED;
  }
  slot.clear_output();
  complete(operation, result);
}

}  // namespace tidegate::kernel
