// The seam on epoll, from the wait on: what is done with the events that it found.
#include "kernel/epoll/epoll_backend.hpp"
#include "net/socket_options.hpp"

#include <array>
#include <cerrno>
#include <utility>

#include <sys/socket.h>

namespace tidegate::kernel {

namespace {

/// The error waiting on a socket, as a completion: 0 or a negative errno.
int pending_error(FileDescriptor descriptor) noexcept { return -net::socket_error(descriptor).value(); }

/// Errors of accept that concern one connection that is gone already, not the listener (accept(2), "Error
/// handling").
bool concerns_one_connection(int error) noexcept {
  switch (error) {
    case ECONNABORTED:
    case EINTR:
    case EPROTO:
    case EPERM:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
      return true;
    default:
      return false;
  }
}

}  // namespace

void EpollBackend::wait(std::optional<Duration> timeout, Duration spin) noexcept {
  epoll_.wait(done_.empty() ? timeout : Duration::zero(), spin);
}

void EpollBackend::dispatch() {
  for (const epoll_event& event : epoll_.take_events()) {
    Slot& slot = slots_.known(EpollSet::channel_of(event));
    if (slot.generation != EpollSet::channel_of(event).generation)
      continue;  // a wake-up, or somebody who has gone
    if (event.events != EPOLLIN || slot.input_kind != Slot::Input::receive ||
        !receives_plainly(*slot.input)) {
      dispatch_event(EpollSet::channel_of(event), slot, event.events);
      continue;
    }
    // What nearly all events are: bytes for somebody who wants them, now and afterwards. What is looked at
    // after the callback is kept small, and all else is found again where it is needed.
    const int number = static_cast<int>(EpollSet::channel_of(event).index);
    const std::ptrdiff_t count = ::recv(number, lent_.get(), kLentBytes, MSG_DONTWAIT);
    if (count > 0) [[likely]] {
      static_cast<ReceiveOperation&>(*slot.input).received({lent_.get(), static_cast<std::size_t>(count)});
      if (receives(slot)) continue;
    } else {
      received_nothing(event, slot, count);
    }
    if (slot.generation == EpollSet::channel_of(event).generation) {
      settle(descriptor_of(EpollSet::channel_of(event)), slot, event.events);
    }
  }
}

/// A first recv has returned no bytes but `count`, with errno.
void EpollBackend::received_nothing(const epoll_event& event, Slot& slot, std::ptrdiff_t count) {
  auto& operation = static_cast<ReceiveOperation&>(*slot.input);
  if (count < 0 && errno == EINTR) {
    receive(descriptor_of(EpollSet::channel_of(event)), slot, operation);
  } else {
    end_of_receiving(slot, operation, count);
  }
}

/// Each step may run a callback that closes the channel, and the number may have a new owner at once: so the
/// generation is compared after each. The slot itself stays where it is.
void EpollBackend::dispatch_event(ChannelId channel, Slot& slot, std::uint32_t events) {
  const FileDescriptor descriptor = descriptor_of(channel);
  const bool draining = slot.input != nullptr && drains(*slot.input);
  if (draining || (events & (EPOLLIN | kBroken)) != 0) dispatch_input(descriptor, slot, events);
  if (slot.generation != channel.generation) return;
  if ((events & (EPOLLOUT | kBroken)) != 0) dispatch_output(descriptor, slot);
  if (slot.generation != channel.generation) return;
  settle(descriptor, slot, events);
}

void EpollBackend::dispatch_input(FileDescriptor descriptor, Slot& slot, std::uint32_t events) {
  if (slot.input == nullptr || held(*slot.input)) return;
  switch (slot.input_kind) {
    case Slot::Input::receive:
      receive(descriptor, slot, static_cast<ReceiveOperation&>(*slot.input));
      break;
    case Slot::Input::accept:
      accept(descriptor, slot, static_cast<AcceptOperation&>(*slot.input));
      break;
    case Slot::Input::poll:
      static_cast<PollOperation&>(*slot.input).ready();
      break;
    case Slot::Input::hangup:
      if ((events & kBroken) != 0) end_input(slot, pending_error(descriptor));
      break;
    case Slot::Input::none:
      break;
  }
}

void EpollBackend::dispatch_output(FileDescriptor descriptor, Slot& slot) {
  if (slot.output == nullptr) return;
  switch (slot.output_kind) {
    case Slot::Output::send:
      send(descriptor, slot, static_cast<SendOperation&>(*slot.output));
      break;
    case Slot::Output::connect:
      end_output(slot, pending_error(descriptor));
      break;
    case Slot::Output::poll:
      static_cast<PollOperation&>(*slot.output).ready();
      break;
    case Slot::Output::none:
      break;
  }
}

/// Receives in any manner: into own memory again while a read filled it, which then has probably left
/// something behind (after a shorter one asking costs more than being told), and when draining until nothing
/// is left; but no more than one descriptor may have in one dispatch (contract E5).
void EpollBackend::receive(FileDescriptor descriptor, Slot& slot, ReceiveOperation& operation) {
  std::size_t received_bytes = 0;
  for (int calls = 0; calls < kReceiveBudgetCalls && received_bytes < kReceiveBudgetBytes; ++calls) {
    if (!armed(operation) || held(operation)) return;
    MutableBytesView own;
    if (operation.own_memory()) {
      own = operation.target();
      if (!armed(operation) || held(operation)) return;
    }
    const MutableBytesView memory = own.empty() ? MutableBytesView(lent_.get(), kLentBytes) : own;
    const std::ptrdiff_t count = ::recv(descriptor.number, memory.data(), memory.size(), MSG_DONTWAIT);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return end_of_receiving(slot, operation, count);
    const auto size = static_cast<std::size_t>(count);
    if (own.empty()) {
      operation.received({memory.data(), size});
    } else {
      operation.filled(size);
    }
    if (size < memory.size() && !drains(operation)) return;
    received_bytes += size;
  }
}

/// recv has returned no bytes but `count`, with errno.
void EpollBackend::end_of_receiving(Slot& slot, const ReceiveOperation& operation, std::ptrdiff_t count) {
  if (count < 0 && errno == EAGAIN && !drains(operation)) return;  // reported again when there is something
  end_input(slot, count == 0 ? 0 : -errno);
}

std::ptrdiff_t EpollBackend::try_send(ChannelId channel, BytesView piece) noexcept {
  const std::ptrdiff_t count =
      ::send(descriptor_of(channel).number, piece.data(), piece.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  return count >= 0 ? count : -errno;
}

std::ptrdiff_t EpollBackend::try_send(ChannelId channel, std::span<iovec> pieces) noexcept {
  return send_pieces(descriptor_of(channel), pieces);
}

std::ptrdiff_t EpollBackend::send_pieces(FileDescriptor descriptor, std::span<iovec> pieces) noexcept {
  msghdr message{};
  message.msg_iov = pieces.data();
  message.msg_iovlen = pieces.size();
  for (;;) {
    const std::ptrdiff_t count = ::sendmsg(descriptor.number, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count >= 0) return count;
    if (errno != EINTR) return -errno;
  }
}

void EpollBackend::send(FileDescriptor descriptor, Slot& slot, SendOperation& operation) {
  std::array<iovec, kGatherPieces> pieces;
  const std::size_t count = operation.gather(pieces);
  const std::ptrdiff_t result = send_pieces(descriptor, std::span(pieces).first(count));
  if (result == -EAGAIN) return;
  end_output(slot, static_cast<int>(result));
}

void EpollBackend::accept(FileDescriptor descriptor, Slot& slot, AcceptOperation& operation) {
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

void EpollBackend::end_input(Slot& slot, int result) {
  Operation& operation = *slot.input;
  slot.clear_input();
  complete(operation, result);
}

void EpollBackend::end_output(Slot& slot, int result) {
  Operation& operation = *slot.output;
  slot.clear_output();
  complete(operation, result);
}

}  // namespace tidegate::kernel
