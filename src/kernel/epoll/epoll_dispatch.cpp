// The seam on epoll, from the wait on: what is done with the events that it found.
#include "kernel/epoll/epoll_backend.hpp"
#include "kernel/file_calls.hpp"
#include "kernel/socket_calls.hpp"

#include <array>
#include <cerrno>
#include <utility>

#include <sys/socket.h>

namespace tidegate::kernel {

void EpollBackend::wait(std::optional<Duration> timeout, Duration spin) noexcept {
  epoll_.wait(done_.empty() && due_.empty() ? timeout : Duration::zero(), spin);
}

void EpollBackend::dispatch() {
  if (!due_.empty()) dispatch_due();
  for (const epoll_event& event : epoll_.take_events()) {
    EpollSlot& slot = slots_.known(EpollSet::channel_of(event));
    if (slot.generation != EpollSet::channel_of(event).generation)
      continue;  // a wake-up, or somebody who has gone
    if (event.events != EPOLLIN || slot.input_kind != EpollSlot::Input::receive ||
        !receives_plainly(*slot.input)) {
      dispatch_event(EpollSet::channel_of(event), slot, event.events);
      continue;
    }
    // What nearly all events are: bytes for somebody who wants them, now and afterwards. What is looked at
    // after the callback is kept small, and all else is found again where it is needed.
    const int number = static_cast<int>(EpollSet::channel_of(event).index);
    const std::ptrdiff_t count = ::recv(number, lent_.get(), kLentBytes, MSG_DONTWAIT);
    auto& operation = static_cast<ReceiveOperation&>(*slot.input);
    // One comparison: more than nothing, and not much.
    if (static_cast<std::size_t>(count) - 1 < kPieceBytes - 1) [[likely]] {
      operation.received({lent_.get(), static_cast<std::size_t>(count)});
    } else if (count > 0) {
      deliver(operation, {lent_.get(), static_cast<std::size_t>(count)});
    } else {
      received_nothing(FileDescriptor{number}, slot, count);
    }
    if (receives(slot)) continue;
    if (slot.generation == EpollSet::channel_of(event).generation) {
      settle(descriptor_of(EpollSet::channel_of(event)), slot, event.events);
    }
  }
}

/// A first recv has returned no bytes but `count`, with errno.
void EpollBackend::received_nothing(FileDescriptor descriptor, EpollSlot& slot, std::ptrdiff_t count) {
  if (count < 0 && errno == EAGAIN) return;  // reported again when there is something
  if (count < 0 && errno == EINTR) return receive(descriptor, slot);
  end_input(slot, count == 0 ? 0 : -errno);
}

/// Each step may run a callback that closes the channel, and the number may have a new owner at once: so the
/// generation is compared after each. The slot itself stays where it is.
void EpollBackend::dispatch_event(ChannelId channel, EpollSlot& slot, std::uint32_t events) {
  const FileDescriptor descriptor = descriptor_of(channel);
  const bool draining = slot.input != nullptr && drains(*slot.input);
  if (draining || (events & (EPOLLIN | kBroken)) != 0) dispatch_input(channel, slot, events);
  if (slot.generation != channel.generation) return;
  if ((events & (EPOLLOUT | kBroken)) != 0) dispatch_output(channel, slot);
  if (slot.generation != channel.generation) return;
  if ((events & EPOLLERR) != 0 && carries_datagrams(slot)) discard_error_queue(descriptor);
  settle(descriptor, slot, events);
}

void EpollBackend::dispatch_input(ChannelId channel, EpollSlot& slot, std::uint32_t events) {
  const FileDescriptor descriptor = descriptor_of(channel);
  if (slot.input == nullptr || held(*slot.input)) return;
  switch (slot.input_kind) {
    case EpollSlot::Input::receive:
    case EpollSlot::Input::read:
      receive(descriptor, slot);
      break;
    case EpollSlot::Input::accept:
      accept(descriptor, slot, static_cast<AcceptOperation&>(*slot.input));
      break;
    case EpollSlot::Input::poll:
      static_cast<PollOperation&>(*slot.input).ready();
      break;
    case EpollSlot::Input::hangup:
      if ((events & kBroken) != 0) end_input(slot, hangup_of(descriptor, slot.channel_kind));
      break;
    case EpollSlot::Input::datagrams:
      receive_datagrams(channel, slot);
      break;
    case EpollSlot::Input::none:
      break;
  }
}

void EpollBackend::dispatch_output(ChannelId channel, EpollSlot& slot) {
  const FileDescriptor descriptor = descriptor_of(channel);
  if (slot.output == nullptr) return;
  switch (slot.output_kind) {
    case EpollSlot::Output::send:
      send_gathered(descriptor, slot, static_cast<SendOperation&>(*slot.output));
      break;
    case EpollSlot::Output::file:
      send_file(channel, slot);
      break;
    case EpollSlot::Output::connect:
      end_output(slot, pending_error(descriptor));
      break;
    case EpollSlot::Output::datagrams:
      send_datagrams(channel, slot);
      break;
    case EpollSlot::Output::poll:
      static_cast<PollOperation&>(*slot.output).ready();
      break;
    case EpollSlot::Output::none:
      break;
  }
}

void EpollBackend::receive(FileDescriptor descriptor, EpollSlot& slot) {
  auto& operation = static_cast<ReceiveOperation&>(*slot.input);
  if (const auto received =
          receive_now(descriptor, slot.channel_kind, operation, {lent_.get(), kLentBytes}, Until::short_read);
      received.end)
    end_input(slot, *received.end);
}

std::ptrdiff_t EpollBackend::try_send(ChannelId channel, std::span<iovec> pieces) noexcept {
  note_send();
  return write_or_send(descriptor_of(channel), slots_.known(channel), pieces);
}

std::ptrdiff_t EpollBackend::write_or_send(FileDescriptor descriptor, const EpollSlot& slot,
                                           std::span<iovec> pieces) noexcept {
  return slot.channel_kind == ChannelKind::file ? write_now(descriptor, pieces)
                                                : send_now(descriptor, pieces);
}

std::ptrdiff_t EpollBackend::send(SendOperation&, ChannelId channel, BytesView piece) noexcept {
  note_send();
  if (slots_.known(channel).channel_kind == ChannelKind::file) {
    const iovec pieces{.iov_base = const_cast<std::byte*>(piece.data()), .iov_len = piece.size()};
    return write_now(descriptor_of(channel), {&pieces, 1});
  }
  return send_now(descriptor_of(channel), piece);
}

void EpollBackend::send_gathered(FileDescriptor descriptor, EpollSlot& slot, SendOperation& operation) {
  std::array<iovec, kGatherPieces> pieces;
  const std::size_t count = operation.gather(pieces);
  const std::ptrdiff_t result = write_or_send(descriptor, slot, std::span(pieces).first(count));
  if (result == -EAGAIN) return;
  end_output(slot, static_cast<int>(result));
}

void EpollBackend::send_file(ChannelId channel, EpollSlot& slot) {
  const std::ptrdiff_t result = send_part(static_cast<FileSendOperation&>(*slot.output), channel);
  if (result != -EAGAIN) end_output(slot, static_cast<int>(result));
}

// --- what comes without an event -----------------------------------------------------------------

void EpollBackend::dispatch_due() {
  std::vector<ChannelId> looking = std::move(spare_);
  looking.swap(due_);
  for (const ChannelId channel : looking) {
    EpollSlot* slot = slots_.find(channel);
    if (slot != nullptr && slot->output_kind == EpollSlot::Output::file) send_file(channel, *slot);
    slot = slots_.find(channel);  // which that may have closed
    if (slot == nullptr || slot->input == nullptr || held(*slot->input)) continue;
    if (slot->input_kind == EpollSlot::Input::read) {
      receive_always_ready(channel, *slot);
    } else if (slot->input_kind == EpollSlot::Input::datagrams && kept_datagrams_.has(channel)) {
      receive_datagrams(channel, *slot);
    }
  }
  looking.clear();
  spare_ = std::move(looking);
}

/// Of what has no readiness: there is always something, or the end.
void EpollBackend::receive_always_ready(ChannelId channel, EpollSlot& slot) {
  receive(descriptor_of(channel), slot);
  if (slot.generation != channel.generation) return;
  const bool goes_on = slot.input_kind == EpollSlot::Input::read && !held(*slot.input);
  if (goes_on && !look_soon(channel)) end_input(slot, -ENOMEM);
}

// --- datagrams -----------------------------------------------------------------------------------

void EpollBackend::receive_datagrams(ChannelId channel, EpollSlot& slot) {
  auto& operation = static_cast<DatagramReceiveOperation&>(*slot.input);
  const Received received = receive_datagrams_now(channel, operation);
  if (received.end) return end_input(slot, *received.end);
  // Another receiver was started from inside, before the rest was kept for it.
  if (slots_.find(channel) != nullptr && slot.input != nullptr && !held(*slot.input))
    look_for_kept_datagrams(channel);
}

void EpollBackend::send_datagrams(ChannelId channel, EpollSlot& slot) {
  const std::ptrdiff_t result =
      send_gathered_datagrams(static_cast<DatagramSendOperation&>(*slot.output), channel);
  if (result != -EAGAIN) end_output(slot, static_cast<int>(result));
}

// --- connections and their ends ------------------------------------------------------------------

void EpollBackend::accept(FileDescriptor descriptor, EpollSlot& slot, AcceptOperation& operation) {
  for (int accepted = 0; accepted < operation.batch(); ++accepted) {
    net::SocketAddress peer;
    peer.length = sizeof peer.storage;
    const int number = ::accept4(descriptor.number, peer.get(), &peer.length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (number < 0) {
      const int error = errno;
      if (error == EAGAIN) return;
      if (concerns_one_connection(error)) continue;
      end_input(slot, -error);
      return;
    }
    operation.accepted(OwnedFileDescriptor(FileDescriptor{number}), peer);
    if (!armed(operation)) return;
  }
}

void EpollBackend::end_input(EpollSlot& slot, int result) {
  Operation& operation = *slot.input;
  slot.clear_input();
  complete(operation, result);
}

void EpollBackend::end_output(EpollSlot& slot, int result) {
  Operation& operation = *slot.output;
  slot.clear_output();
  complete(operation, result);
}

}  // namespace tidegate::kernel
