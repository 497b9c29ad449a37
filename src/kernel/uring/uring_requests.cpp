// The seam on io_uring: which requests are made of the kernel, and how they are taken back.
#include "kernel/uring/uring_backend.hpp"

#include <cerrno>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace tidegate::kernel {

void UringBackend::enter(int (Ring::*way)() noexcept) noexcept {
  if (!has_ring_ || (*ring_.*way)() == -EEXIST) {
    move_to_this_thread();
    if (!has_ring_) return;
    static_cast<void>((*ring_.*way)());
  }
  if (!ring_->has_unsubmitted()) messages_.clear();
}

void UringBackend::make_room_for_entry() noexcept {
  while (!ring_->has_room()) {
    enter(&Ring::submit);
    if (!has_ring_) return;
    take_overflow();
    // Refused where completions have piled up: they are taken out of the way.
    if (!ring_->has_room()) enter(&Ring::collect);
    if (!ring_->has_room()) fetch_backlog();
  }
}

/// REQUIRES: make_room_for_entry() was called.
io_uring_sqe& UringBackend::entry_with_room() noexcept {
  if (!has_ring_) return *nobodys_entry_;  // the old ring's thread may still submit what is in it
  io_uring_sqe* entry = ring_->next_entry();
  return entry != nullptr ? *entry : *nobodys_entry_;
}

io_uring_sqe& UringBackend::next_entry() noexcept {
  make_room_for_entry();
  return entry_with_room();
}

/// Completions that did not fit into the ring wait in the kernel, and only this thread can fetch them: if
/// another ran the loop next, what was received would be lost, and what was sent would be sent again.
void UringBackend::take_overflow() noexcept {
  while (ring_->overflows() && has_ring_) {
    fetch_backlog();
    if (ring_->ready() > 0) return;  // no memory
    enter(&Ring::collect);
  }
}

void UringBackend::tag_entry(io_uring_sqe& entry, RequestTag tag) noexcept {
  entry.user_data = tag.value();
  ++requests_;
}

// --- input ---------------------------------------------------------------------------------------

/// Sees to it that what the slot's operation waits for is requested, and nothing else. Where another request
/// is under way, that one is stopped, and its end brings us back here.
void UringBackend::arm_input(ChannelId channel, UringSlot& slot) noexcept {
  Request wanted = Request::none;
  switch (slot.input_kind) {
    case UringSlot::Input::none:
      return;  // the next may have a use for what is under way
    case UringSlot::Input::receive: {
      const auto& operation = static_cast<const ReceiveOperation&>(*slot.input);
      if (held(operation)) return;  // the same
      if (slot.has_parked || drains(operation)) {
        if (slot.input_request == Request::none) return look_at_soon(channel, slot);
        break;
      }
      const bool by_call = operation.own_memory() || slot.receives_in_bulk;
      wanted = by_call ? Request::watch_input : Request::receive;
      break;
    }
    case UringSlot::Input::datagrams:
      if (held(*slot.input)) return;
      if (kept_datagrams_.has(channel)) return look_at_soon(channel, slot);
      wanted = Request::watch_input;
      break;
    case UringSlot::Input::hangup:
      if (parked_error(channel, slot) != 0) return look_at_soon(channel, slot);
      wanted = Request::watch_hangup;
      break;
    case UringSlot::Input::accept:
      if (slot.has_parked) return look_at_soon(channel, slot);
      wanted = Request::accept;
      break;
    case UringSlot::Input::poll:
      wanted = Request::poll_input;
      break;
  }
  // A receive by call may be under way, and its callbacks may submit: what the request took then would be
  // overtaken by what the call takes next.
  if (wanted == Request::receive && !fleeting_.empty()) return look_at_soon(channel, slot);
  if (slot.input_request == Request::none) {
    request_input(channel, slot, wanted);
  } else if (slot.input_request != wanted) {
    stop_input(channel, slot);
  }
}

void UringBackend::request_input(ChannelId channel, UringSlot& slot, Request request) noexcept {
  const int number = descriptor_of(channel).number;
  io_uring_sqe& entry = next_entry();
  switch (request) {
    case Request::receive:
      ::io_uring_prep_recv_multishot(&entry, number, nullptr, 0, 0);
      entry.flags |= IOSQE_BUFFER_SELECT;
      entry.buf_group = BufferRing::kGroup;
      break;
    case Request::accept:
      ::io_uring_prep_multishot_accept(&entry, number, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      break;
    case Request::poll_input:
      ::io_uring_prep_poll_add(&entry, number, POLLIN);
      break;
    case Request::watch_input:
      ::io_uring_prep_poll_multishot(&entry, number, POLLIN | POLLRDHUP);
      break;
    case Request::watch_hangup:
      // Nothing but POLLHUP and POLLERR, which are reported unasked; and POLLRDHUP, which is as well, and
      // would end every single-shot poll at once: the other end has finished sending.
      ::io_uring_prep_poll_multishot(&entry, number, 0);
      break;
    case Request::none:
    case Request::wake:
    case Request::send:
    case Request::send_lent:
    case Request::poll_output:
    case Request::watch_output:
      break;  // no input
  }
  slot.input_request = request;
  slot.input_stops = false;
  tag_entry(entry, RequestTag(request, channel));
}

// --- output --------------------------------------------------------------------------------------

/// The same for what waits to write.
void UringBackend::arm_output(ChannelId channel, UringSlot& slot) noexcept {
  const bool waits =
      slot.output_kind != UringSlot::Output::none && slot.output_kind != UringSlot::Output::send;
  if (waits && slot.output_request == Request::none) request_output(channel, slot, Request::poll_output);
}

void UringBackend::request_output(ChannelId channel, UringSlot& slot, Request request) noexcept {
  io_uring_sqe& entry = next_entry();
  if (request == Request::poll_output) {
    ::io_uring_prep_poll_add(&entry, descriptor_of(channel).number, POLLOUT);
  } else {
    ::io_uring_prep_poll_multishot(&entry, descriptor_of(channel).number, POLLOUT);
  }
  slot.output_request = request;
  slot.output_stops = false;
  tag_entry(entry, RequestTag(request, channel));
}

/// Edge-triggered and never read: every wake-up is an edge of its own, so none that comes after a wait has
/// returned can be taken back together with the one that ended it.
void UringBackend::request_wake() noexcept {
  io_uring_sqe& entry = next_entry();
  ::io_uring_prep_poll_multishot(&entry, wake_.get().number, POLLIN);
  tag_entry(entry, RequestTag(Request::wake, ChannelId()));
}

// --- taking back ---------------------------------------------------------------------------------

void UringBackend::stop(RequestTag tag) noexcept {
  io_uring_sqe& entry = next_entry();
  ::io_uring_prep_cancel64(&entry, tag.value(), 0);
  entry.flags |= IOSQE_CQE_SKIP_SUCCESS;
  entry.user_data = RequestTag(Request::none, ChannelId()).value();  // gone already is as good
}

void UringBackend::stop_input(ChannelId channel, UringSlot& slot) noexcept {
  if (slot.input_request == Request::none || slot.input_stops) return;
  slot.input_stops = true;
  stop(RequestTag(slot.input_request, channel));
}

void UringBackend::stop_output(ChannelId channel, UringSlot& slot) noexcept {
  if (slot.output_request == Request::none || slot.output_stops) return;
  slot.output_stops = true;
  stop(RequestTag(slot.output_request, channel));
}

/// Before a descriptor is closed: a request holds on to the file, and what is closed would not be closed.
void UringBackend::stop_at_once(ChannelId channel, UringSlot& slot) noexcept {
  if (slot.input_request == Request::none && slot.output_request == Request::none) return;
  stop_input(channel, slot);
  stop_output(channel, slot);
  enter(&Ring::collect);
  take_overflow();
}

/// Before the memory goes that the kernel receives into.
void UringBackend::end_all_requests() noexcept {
  constexpr int kMostRounds = 100;
  constexpr auto kRound = std::chrono::milliseconds(10);
  bool is_ours = has_ring_ && ::getpid() == made_by_;  // a forked child shares its memory with its parent
  for (int round = 0; round < kMostRounds && requests_ > 0 && is_ours; ++round) {
    io_uring_sqe* entry = ring_->next_entry();
    if (entry != nullptr) {
      ::io_uring_prep_cancel64(entry, 0, IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL);
      entry->user_data = RequestTag(Request::none, ChannelId()).value();
    }
    is_ours = ring_->wait(kRound) != -EEXIST;  // closing the ring ends them as well, in a moment
    fetch_backlog();
  }
  fetch_backlog();
  for (const Arrival& arrival : backlog_) dispatch_stale(arrival);
}

}  // namespace tidegate::kernel
