// The seam on epoll: see epoll_backend.hpp.
#include "kernel/epoll/epoll_backend.hpp"

#include "base/log.hpp"
#include "net/socket_options.hpp"

#include <array>
#include <cerrno>
#include <utility>

#include <sys/socket.h>

namespace tidegate::kernel {

namespace {

constexpr std::uint32_t kBroken = EPOLLHUP | EPOLLERR;

FileDescriptor descriptor_of(ChannelId channel) noexcept {
  return FileDescriptor{static_cast<int>(channel.index)};
}

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

EpollBackend::EpollBackend() : lent_(std::make_unique_for_overwrite<std::byte[]>(kLentBytes)) {}

EpollBackend::~EpollBackend() = default;

// --- descriptors ---------------------------------------------------------------------------------

ChannelId EpollBackend::attach(OwnedFileDescriptor descriptor) {
  // A slot that is still in use here belongs to somebody who closed a descriptor of theirs without
  // remove_reader: the kernel has dropped that registration together with the file, and the number is ours
  // now.
  if (Slot* stale = slots_.find(descriptor.get()); stale != nullptr && stale->generation != 0) {
    base::log(LogLevel::warning, "a watched descriptor was closed without remove_reader/remove_writer");
    if (stale->input != nullptr) cancel(*stale->input);
    if (stale->output != nullptr) cancel(*stale->output);
  }
  const ChannelId channel = slots_.open(descriptor.get(), true);
  static_cast<void>(descriptor.release());
  return channel;
}

FileDescriptor EpollBackend::descriptor(ChannelId channel) const noexcept {
  return slots_.find(channel) != nullptr ? descriptor_of(channel) : FileDescriptor();
}

bool EpollBackend::owns(FileDescriptor descriptor) const noexcept {
  const Slot* slot = slots_.find(descriptor);
  return slot != nullptr && slot->generation != 0 && slot->owned;
}

void EpollBackend::close(ChannelId channel) noexcept { detach(channel).reset(); }

OwnedFileDescriptor EpollBackend::detach(ChannelId channel) noexcept {
  Slot* slot = slots_.find(channel);
  if (slot == nullptr) return {};
  // Not left to close(): if the descriptor was duplicated, the registration would outlive it and report for
  // ever.
  epoll_.forget_interest(descriptor_of(channel), *slot);
  *slot = Slot{};
  return OwnedFileDescriptor(descriptor_of(channel));
}

// --- interest ------------------------------------------------------------------------------------

namespace {

std::uint32_t wanted_by(const Slot& slot, bool input_is_held) noexcept {
  std::uint32_t events = 0;
  if (slot.input != nullptr && slot.input_kind != Slot::Input::hangup && !input_is_held) events |= EPOLLIN;
  if (slot.output != nullptr) events |= EPOLLOUT;
  return events;
}

}  // namespace

/// Makes sure that what the slot's operations wait for is reported. Throws OsError.
void EpollBackend::watch(FileDescriptor descriptor, Slot& slot) {
  const std::uint32_t wanted = wanted_by(slot, slot.input != nullptr && held(*slot.input));
  if (slot.registered && (slot.interest & wanted) == wanted) return;
  epoll_.set_interest(descriptor, slot, wanted);
}

void EpollBackend::watch_or_end(Operation& operation, FileDescriptor descriptor, Slot& slot) noexcept {
  try {
    watch(descriptor, slot);
  } catch (const OsError& error) {
    // ENOMEM or ENOSPC (max_user_watches): the operation can't be waited for, so it ends with that.
    (slot.input == &operation ? slot.input : slot.output) = nullptr;
    done_.push(operation, -error.code().value());
  }
}

/// After an event: stops the reports that nobody wants (any more), or they would come again and again.
void EpollBackend::settle(FileDescriptor descriptor, Slot& slot, std::uint32_t events) noexcept {
  if (!slot.registered) return;
  const std::uint32_t wanted = wanted_by(slot, slot.input != nullptr && held(*slot.input));
  const bool hangup_wanted = slot.input != nullptr && slot.input_kind == Slot::Input::hangup;
  if ((events & kBroken) != 0 && wanted == 0 && !hangup_wanted) {
    epoll_.forget_interest(descriptor, slot);  // epoll reports these two whether asked to or not
    return;
  }
  if ((events & (EPOLLIN | EPOLLOUT) & ~wanted) == 0) return;
  try {
    epoll_.set_interest(descriptor, slot, wanted);
  } catch (const OsError&) {
    epoll_.forget_interest(descriptor, slot);  // narrowing can't run out of anything; the descriptor is gone
  }
}

// --- operations ----------------------------------------------------------------------------------

void EpollBackend::start_input(Operation& operation, Slot::Input kind, ChannelId channel) noexcept {
  arm(operation, channel);
  Slot* slot = slots_.find(channel);
  if (slot == nullptr) {
    done_.push(operation, -EBADF);
    return;
  }
  slot->input = &operation;
  slot->input_kind = kind;
  watch_or_end(operation, descriptor_of(channel), *slot);
}

void EpollBackend::start_output(Operation& operation, Slot::Output kind, ChannelId channel) noexcept {
  arm(operation, channel);
  Slot* slot = slots_.find(channel);
  if (slot == nullptr) {
    done_.push(operation, -EBADF);
    return;
  }
  slot->output = &operation;
  slot->output_kind = kind;
  watch_or_end(operation, descriptor_of(channel), *slot);
}

void EpollBackend::start(ReceiveOperation& operation, ChannelId channel) noexcept {
  start_input(operation, Slot::Input::receive, channel);
}

void EpollBackend::start(SendOperation& operation, ChannelId channel) noexcept {
  start_output(operation, Slot::Output::send, channel);
}

void EpollBackend::start(AcceptOperation& operation, ChannelId channel) noexcept {
  start_input(operation, Slot::Input::accept, channel);
}

void EpollBackend::watch_hangup(ReceiveOperation& operation, ChannelId channel) noexcept {
  start_input(operation, Slot::Input::hangup, channel);
}

void EpollBackend::start(ConnectOperation& operation, ChannelId channel) noexcept {
  const net::SocketAddress& address = operation.address();
  const FileDescriptor where = descriptor(channel);
  int outcome = 0;
  do {
    outcome = ::connect(where.number, address.get(), address.length);
  } while (outcome != 0 && errno == EINTR);
  if (outcome != 0 && errno == EINPROGRESS) {
    start_output(operation, Slot::Output::connect, channel);
    return;
  }
  const int result = outcome == 0 ? 0 : -errno;
  arm(operation, channel);
  done_.push(operation, result);
}

void EpollBackend::start(PollOperation& operation, FileDescriptor descriptor, Readiness readiness) {
  Slot& slot = slots_.at(descriptor);
  const bool fresh = slot.generation == 0;
  const ChannelId channel = fresh ? slots_.open(descriptor, false)
                                  : ChannelId{static_cast<std::uint32_t>(descriptor.number), slot.generation};
  const bool reads = readiness == Readiness::readable;
  (reads ? slot.input : slot.output) = &operation;
  if (reads) {
    slot.input_kind = Slot::Input::poll;
  } else {
    slot.output_kind = Slot::Output::poll;
  }
  arm(operation, channel);
  try {
    // Not `watch`: the user may have closed the descriptor and opened another under its number, so the kernel
    // is asked.
    epoll_.set_interest(descriptor, slot, wanted_by(slot, false));
  } catch (const OsError&) {
    (reads ? slot.input : slot.output) = nullptr;
    if (fresh) slot = Slot{};
    disarm(operation);
    throw;
  }
}

void EpollBackend::cancel(Operation& operation) noexcept {
  if (!armed(operation)) return;
  const ChannelId channel = channel_of(operation);
  done_.push(operation, -ECANCELED);
  Slot* slot = slots_.find(channel);
  if (slot == nullptr) return;
  if (slot->input == &operation) slot->input = nullptr;
  if (slot->output == &operation) slot->output = nullptr;
  if (slot->owned) return;  // what is reported from now on finds nobody and is settled then
  // The descriptor is the user's, who may close it next: nothing of ours may stay on it.
  const std::uint32_t wanted = wanted_by(*slot, false);
  if (wanted == 0) {
    epoll_.forget_interest(descriptor_of(channel), *slot);
    *slot = Slot{};
  } else {
    try {
      epoll_.set_interest(descriptor_of(channel), *slot, wanted);
    } catch (const OsError&) {
      epoll_.forget_interest(descriptor_of(channel), *slot);  // closed already
    }
  }
}

void EpollBackend::hold(ReceiveOperation& operation) noexcept { set_held(operation, true); }

void EpollBackend::resume(ReceiveOperation& operation) noexcept {
  set_held(operation, false);
  if (!armed(operation)) return;
  if (Slot* slot = slots_.find(channel_of(operation))) {
    watch_or_end(operation, descriptor_of(channel_of(operation)), *slot);
  }
}

void EpollBackend::drain(ReceiveOperation& operation) noexcept {
  set_drains(operation);
  Slot* slot = slots_.find(channel_of(operation));
  if (!armed(operation) || slot == nullptr) return;
  // Nothing may arrive any more, and then no event would come. A write end that is broken or open can always
  // be reported.
  try {
    epoll_.set_interest(descriptor_of(channel_of(operation)), *slot, EPOLLIN | EPOLLOUT);
  } catch (const OsError& error) {
    slot->input = nullptr;
    done_.push(operation, -error.code().value());
  }
}

std::ptrdiff_t EpollBackend::try_send(ChannelId channel, std::span<iovec> pieces) noexcept {
  const FileDescriptor where = descriptor_of(channel);
  for (;;) {
    std::ptrdiff_t count = 0;
    if (pieces.size() == 1) {
      count = ::send(where.number, pieces[0].iov_base, pieces[0].iov_len, MSG_NOSIGNAL | MSG_DONTWAIT);
    } else {
      msghdr message{};
      message.msg_iov = pieces.data();
      message.msg_iovlen = pieces.size();
      count = ::sendmsg(where.number, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    if (count >= 0) return count;
    if (errno != EINTR) return -errno;
  }
}

// --- the loop ------------------------------------------------------------------------------------

void EpollBackend::wait(std::optional<Duration> timeout) noexcept {
  epoll_.wait(done_.empty() ? timeout : Duration::zero());
}

void EpollBackend::dispatch() {
  for (const epoll_event& event : epoll_.take_events()) dispatch_event(event);
}

void EpollBackend::dispatch_event(const epoll_event& event) {
  const ChannelId channel = EpollSet::channel_of(event);
  if (!channel.valid()) return;  // a wake-up: it has done its work
  const FileDescriptor descriptor = descriptor_of(channel);
  // Each step may run a callback that closes the channel, and the number may have a new owner at once.
  Slot* slot = slots_.find(channel);
  const bool draining = slot != nullptr && slot->input != nullptr && drains(*slot->input);
  if (slot != nullptr && (draining || (event.events & (EPOLLIN | kBroken)) != 0)) {
    dispatch_input(descriptor, *slot, event.events);
  }
  slot = slots_.find(channel);
  if (slot != nullptr && (event.events & (EPOLLOUT | kBroken)) != 0)
    dispatch_output(descriptor, *slot, event.events);
  slot = slots_.find(channel);
  if (slot != nullptr) settle(descriptor, *slot, event.events);
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

void EpollBackend::dispatch_output(FileDescriptor descriptor, Slot& slot, std::uint32_t) {
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

void EpollBackend::receive(FileDescriptor descriptor, Slot& slot, ReceiveOperation& operation) {
  std::size_t budget_bytes = kReceiveBudgetBytes;
  for (int calls = 0; calls < kReceiveBudgetCalls; ++calls) {
    const MutableBytesView own = operation.target();
    if (!armed(operation) || held(operation)) return;
    const MutableBytesView memory = own.empty() ? MutableBytesView(lent_.get(), kLentBytes) : own;
    const std::ptrdiff_t count = ::recv(descriptor.number, memory.data(), memory.size(), MSG_DONTWAIT);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) {
      if (drains(operation)) end_input(slot, -EAGAIN);
      return;
    }
    if (count <= 0) {
      end_input(slot, count == 0 ? 0 : -errno);
      return;
    }
    const auto size = static_cast<std::size_t>(count);
    operation.received(BytesView(memory.data(), size));
    if (!armed(operation) || held(operation)) return;
    // A read that filled its memory has probably left something behind; after a shorter one asking costs more
    // than being told.
    if (size < memory.size() && !drains(operation)) return;
    if (size >= budget_bytes) return;
    budget_bytes -= size;
  }
}

void EpollBackend::send(FileDescriptor descriptor, Slot& slot, SendOperation& operation) {
  std::array<iovec, kGatherPieces> pieces;
  const std::size_t count = operation.gather(pieces);
  const ChannelId channel{static_cast<std::uint32_t>(descriptor.number), slot.generation};
  const std::ptrdiff_t result = try_send(channel, std::span(pieces).first(count));
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
  Operation& operation = *std::exchange(slot.input, nullptr);
  complete(operation, result);
}

void EpollBackend::end_output(Slot& slot, int result) {
  Operation& operation = *std::exchange(slot.output, nullptr);
  complete(operation, result);
}

}  // namespace tidegate::kernel
