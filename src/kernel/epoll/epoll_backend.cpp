// The seam on epoll, up to the wait: descriptors, the interest in them, and what is started and given up.
// What becomes of it is in epoll_dispatch.cpp.
#include "kernel/epoll/epoll_backend.hpp"

#include "base/log.hpp"

#include <algorithm>
#include <cerrno>
#include <new>
#include <string>
#include <utility>

#include <fcntl.h>
#include <sys/socket.h>

namespace tidegate::kernel {

EpollBackend::EpollBackend() : lent_(std::make_unique_for_overwrite<std::byte[]>(kLentBytes)) {}

EpollBackend::~EpollBackend() = default;

// --- descriptors ---------------------------------------------------------------------------------

ChannelId EpollBackend::attach(OwnedFileDescriptor descriptor) {
  refuse_simulated(descriptor.get());
  // A slot that is still in use here belongs to somebody who closed a descriptor of theirs without
  // remove_reader: the kernel has dropped that registration together with the file, and the number is ours
  // now.
  if (EpollSlot* stale = slots_.find(descriptor.get()); stale != nullptr && stale->generation != 0) {
    base::log(LogLevel::warning, "a watched descriptor was closed without remove_reader/remove_writer");
    const ChannelId channel{static_cast<std::uint32_t>(descriptor.get().number), stale->generation};
    if (stale->input != nullptr) cancel(*stale->input, channel);
    if (stale->output != nullptr) cancel(*stale->output, channel);
    kept_datagrams_.forget(channel);
  }
  const ChannelId channel = slots_.open(descriptor.get(), true);
  static_cast<void>(descriptor.release());
  return channel;
}

ChannelId EpollBackend::attach_file(OwnedFileDescriptor descriptor) {
  const ChannelId channel = attach(std::move(descriptor));
  slots_.known(channel).channel_kind = ChannelKind::file;
  return channel;
}

FileDescriptor EpollBackend::descriptor(ChannelId channel) const noexcept {
  return slots_.find(channel) != nullptr ? descriptor_of(channel) : FileDescriptor();
}

bool EpollBackend::owns(FileDescriptor descriptor) const noexcept {
  const EpollSlot* slot = slots_.find(descriptor);
  return slot != nullptr && slot->generation != 0 && slot->owned;
}

void EpollBackend::close(ChannelId channel) noexcept { detach(channel).reset(); }

OwnedFileDescriptor EpollBackend::detach(ChannelId channel) noexcept {
  EpollSlot* slot = slots_.find(channel);
  if (slot == nullptr) return {};
  // Not left to close(): if the descriptor was duplicated, the registration would outlive it and report for
  // ever.
  epoll_.forget_interest(descriptor_of(channel), *slot);
  kept_datagrams_.forget(channel);
  *slot = EpollSlot{};
  return OwnedFileDescriptor(descriptor_of(channel));
}

// --- interest ------------------------------------------------------------------------------------

namespace {

std::uint32_t wanted_by(const EpollSlot& slot, bool input_is_held) noexcept {
  std::uint32_t events = 0;
  if (slot.input != nullptr && slot.input_kind != EpollSlot::Input::hangup && !input_is_held)
    events |= EPOLLIN;
  if (slot.output != nullptr) events |= EPOLLOUT;
  return events;
}

}  // namespace

/// Makes sure that what the slot's operations wait for is reported. Throws OsError.
void EpollBackend::watch(FileDescriptor descriptor, EpollSlot& slot) {
  const std::uint32_t wanted = wanted_by(slot, slot.input != nullptr && held(*slot.input));
  if (slot.registered && (slot.interest & wanted) == wanted) return;
  epoll_.set_interest(descriptor, slot, wanted);
}

void EpollBackend::watch_or_end(Operation& operation, FileDescriptor descriptor, EpollSlot& slot) noexcept {
  try {
    watch(descriptor, slot);
  } catch (const OsError& error) {
    const bool is_never_watched = error.code().value() == EPERM;
    if (is_never_watched && never_waits(operation, descriptor, slot)) return;
    // ENOMEM or ENOSPC (max_user_watches): the operation can't be waited for, so it ends with that.
    forget(operation, slot);
    done_.push(operation, -error.code().value());
  }
}

/// What has no readiness (/dev/null, /dev/zero) never hangs up, and a read of it or a file that goes to it
/// never has to wait. False for an operation that is about none of these, and where there is no memory to
/// note it.
bool EpollBackend::never_waits(const Operation& operation, FileDescriptor descriptor,
                               const EpollSlot& slot) noexcept {
  const bool is_input = slot.input == &operation;
  if (is_input && slot.input_kind == EpollSlot::Input::hangup) return true;
  const bool goes_on =
      is_input ? slot.input_kind == EpollSlot::Input::read : slot.output_kind == EpollSlot::Output::file;
  return goes_on && look_soon({static_cast<std::uint32_t>(descriptor.number), slot.generation});
}

/// After an event: stops the reports that nobody wants (any more), or they would come again and again.
void EpollBackend::settle(FileDescriptor descriptor, EpollSlot& slot, std::uint32_t events) noexcept {
  if (!slot.registered) return;
  if (slot.input != nullptr && drains(*slot.input))
    return;  // it waits for the next report, whatever that says
  const std::uint32_t wanted = wanted_by(slot, slot.input != nullptr && held(*slot.input));
  if (wanted == 0 && slot.input_kind != EpollSlot::Input::hangup) {
    // Nobody is there any more, and the next that happens is probably the close; or there is somebody who
    // waits for nothing, but epoll reports these two whether asked to or not.
    const bool nobody = slot.input == nullptr && slot.output == nullptr;
    if (nobody || (events & kBroken) != 0) return epoll_.forget_interest(descriptor, slot);
  }
  if ((events & (EPOLLIN | EPOLLOUT) & ~wanted) == 0) return;
  try {
    epoll_.set_interest(descriptor, slot, wanted);
  } catch (const OsError&) {
    epoll_.forget_interest(descriptor, slot);  // narrowing can't run out of anything; the descriptor is gone
  }
}

// --- operations ----------------------------------------------------------------------------------

void EpollBackend::start_input(Operation& operation, EpollSlot::Input kind, ChannelId channel) noexcept {
  arm(operation);
  EpollSlot* slot = slots_.find(channel);
  if (slot == nullptr) {
    done_.push(operation, -EBADF);
    return;
  }
  slot->set_input(&operation, kind);
  watch_or_end(operation, descriptor_of(channel), *slot);
}

void EpollBackend::start_output(Operation& operation, EpollSlot::Output kind, ChannelId channel) noexcept {
  arm(operation);
  EpollSlot* slot = slots_.find(channel);
  if (slot == nullptr) {
    done_.push(operation, -EBADF);
    return;
  }
  slot->set_output(&operation, kind);
  watch_or_end(operation, descriptor_of(channel), *slot);
}

void EpollBackend::start(ReceiveOperation& operation, ChannelId channel) noexcept {
  const EpollSlot* slot = slots_.find(channel);
  const bool reads = slot != nullptr && slot->channel_kind == ChannelKind::file;
  start_input(operation, reads ? EpollSlot::Input::read : EpollSlot::Input::receive, channel);
}

void EpollBackend::start(SendOperation& operation, ChannelId channel) noexcept {
  start_output(operation, EpollSlot::Output::send, channel);
}

void EpollBackend::start(FileSendOperation& operation, ChannelId channel) noexcept {
  start_output(operation, EpollSlot::Output::file, channel);
}

void EpollBackend::start(AcceptOperation& operation, ChannelId channel) noexcept {
  start_input(operation, EpollSlot::Input::accept, channel);
}

void EpollBackend::watch_hangup(ReceiveOperation& operation, ChannelId channel) noexcept {
  start_input(operation, EpollSlot::Input::hangup, channel);
}

void EpollBackend::start(DatagramReceiveOperation& operation, ChannelId channel) noexcept {
  start_input(operation, EpollSlot::Input::datagrams, channel);
  look_for_kept_datagrams(channel);
}

void EpollBackend::start(DatagramSendOperation& operation, ChannelId channel) noexcept {
  start_output(operation, EpollSlot::Output::datagrams, channel);
}

void EpollBackend::start(ConnectOperation& operation, ChannelId channel) noexcept {
  const net::SocketAddress& address = operation.address();
  const FileDescriptor where = descriptor(channel);
  int outcome = 0;
  do {
    outcome = ::connect(where.number, address.get(), address.length);
  } while (outcome != 0 && errno == EINTR);
  if (outcome != 0 && errno == EINPROGRESS) {
    start_output(operation, EpollSlot::Output::connect, channel);
    return;
  }
  const int result = outcome == 0 ? 0 : -errno;
  arm(operation);
  done_.push(operation, result);
}

void EpollBackend::start(PollOperation& operation, FileDescriptor descriptor, Readiness readiness) {
  refuse_simulated(descriptor);
  // A number far beyond all that are open would cost a slot for each below it.
  if (slots_.find(descriptor) == nullptr && ::fcntl(descriptor.number, F_GETFD) < 0) {
    const std::error_code code(errno, std::system_category());
    throw OsError(code, "watch descriptor " + std::to_string(descriptor.number));
  }
  EpollSlot& slot = slots_.at(descriptor);
  const bool fresh = slot.generation == 0;
  if (fresh) static_cast<void>(slots_.open(descriptor, false));
  if (readiness == Readiness::readable) {
    slot.set_input(&operation, EpollSlot::Input::poll);
  } else {
    slot.set_output(&operation, EpollSlot::Output::poll);
  }
  arm(operation);
  try {
    // Not `watch`: the user may have closed the descriptor and opened another under its number, so the kernel
    // is asked.
    epoll_.set_interest(descriptor, slot, wanted_by(slot, false));
  } catch (const OsError&) {
    forget(operation, slot);
    if (fresh) slot = EpollSlot{};
    disarm(operation);
    throw;
  }
}

void EpollBackend::cancel(Operation& operation, ChannelId channel) noexcept {
  if (!armed(operation)) return;
  done_.push(operation, -ECANCELED);
  // What is reported from now on finds nobody and is settled then.
  if (EpollSlot* slot = slots_.find(channel)) forget(operation, *slot);
}

void EpollBackend::cancel(PollOperation& operation, FileDescriptor descriptor) noexcept {
  if (!armed(operation)) return;
  done_.push(operation, -ECANCELED);
  EpollSlot* slot = slots_.find(descriptor);
  if (slot == nullptr || slot->generation == 0) return;
  forget(operation, *slot);
  // The descriptor is the user's, who may close it next: nothing of ours may stay on it.
  const std::uint32_t wanted = wanted_by(*slot, false);
  if (wanted == 0) {
    epoll_.forget_interest(descriptor, *slot);
    *slot = EpollSlot{};
  } else {
    try {
      epoll_.set_interest(descriptor, *slot, wanted);
    } catch (const OsError&) {
      epoll_.forget_interest(descriptor, *slot);  // closed already
    }
  }
}

void EpollBackend::forget(const Operation& operation, EpollSlot& slot) noexcept {
  if (slot.input == &operation) slot.clear_input();
  if (slot.output == &operation) slot.clear_output();
}

void EpollBackend::hold(ReceiveOperation& operation) noexcept { set_held(operation, true); }

void EpollBackend::resume(ReceiveOperation& operation, ChannelId channel) noexcept {
  set_held(operation, false);
  if (!armed(operation)) return;
  if (EpollSlot* slot = slots_.find(channel)) watch_or_end(operation, descriptor_of(channel), *slot);
}

void EpollBackend::resume(DatagramReceiveOperation& operation, ChannelId channel) noexcept {
  set_held(operation, false);
  if (!armed(operation)) return;
  if (EpollSlot* slot = slots_.find(channel)) watch_or_end(operation, descriptor_of(channel), *slot);
  look_for_kept_datagrams(channel);
}

void EpollBackend::look_for_kept_datagrams(ChannelId channel) noexcept {
  if (!kept_datagrams_.has(channel)) return;
  static_cast<void>(look_soon(channel));  // without memory they come with the next that arrives
}

/// False where there is no memory for it.
bool EpollBackend::look_soon(ChannelId channel) noexcept {
  try {
    if (std::find(due_.begin(), due_.end(), channel) == due_.end()) due_.push_back(channel);
  } catch (const std::bad_alloc&) {
    return false;
  }
  return true;
}

void EpollBackend::drain(ReceiveOperation& operation, ChannelId channel) noexcept {
  set_drains(operation);
  EpollSlot* slot = slots_.find(channel);
  if (!armed(operation) || slot == nullptr) return;
  // Nothing may arrive any more, and then no event would come. A write end that is broken or open can always
  // be reported.
  try {
    epoll_.set_interest(descriptor_of(channel), *slot, EPOLLIN | EPOLLOUT);
  } catch (const OsError& error) {
    slot->clear_input();
    done_.push(operation, -error.code().value());
  }
}

}  // namespace tidegate::kernel
