// The seam on io_uring: what is sent, now or when there is room, and what is connected.
#include "base/lies_in.hpp"
#include "kernel/file_calls.hpp"
#include "kernel/socket_calls.hpp"
#include "kernel/uring/uring_backend.hpp"

#include <array>
#include <cerrno>
#include <new>
#include <optional>

#include <sys/socket.h>

namespace tidegate::kernel {

// --- started -------------------------------------------------------------------------------------

UringSlot* UringBackend::start_output(Operation& operation, UringSlot::Output kind,
                                      ChannelId channel) noexcept {
  arm(operation);
  UringSlot* slot = slots_.find(channel);
  if (slot == nullptr) {
    done_.push(operation, -EBADF);
    return nullptr;
  }
  slot->set_output(&operation, kind);
  return slot;
}

void UringBackend::start(SendOperation& operation, ChannelId channel) noexcept {
  if (UringSlot* slot = start_output(operation, UringSlot::Output::room, channel))
    wait_for_room(channel, *slot);
}

void UringBackend::start(FileSendOperation& operation, ChannelId channel) noexcept {
  if (UringSlot* slot = start_output(operation, UringSlot::Output::file_room, channel))
    wait_for_room(channel, *slot);
}

void UringBackend::start(DatagramSendOperation& operation, ChannelId channel) noexcept {
  if (UringSlot* slot = start_output(operation, UringSlot::Output::datagram_room, channel))
    wait_for_room(channel, *slot);
}

void UringBackend::wait_for_room(ChannelId channel, UringSlot& slot) noexcept {
  // A watch tells of changes only, and there may be room already.
  if (slot.output_request == Request::watch_output) look_at_soon(channel, slot);
  arm_output(channel, slot);
}

void UringBackend::start(ConnectOperation& operation, ChannelId channel) noexcept {
  const net::SocketAddress& address = operation.address();
  int outcome = 0;
  do {
    outcome = ::connect(descriptor(channel).number, address.get(), address.length);
  } while (outcome != 0 && errno == EINTR);
  if (outcome != 0 && errno == EINPROGRESS) {
    if (UringSlot* slot = start_output(operation, UringSlot::Output::connect, channel))
      arm_output(channel, *slot);
    return;
  }
  const int result = outcome == 0 ? 0 : -errno;
  arm(operation);
  done_.push(operation, result);
}

// --- sent ----------------------------------------------------------------------------------------

std::ptrdiff_t UringBackend::try_send(ChannelId channel, std::span<iovec> pieces) noexcept {
  note_send();
  return write_or_send(descriptor_of(channel), slots_.known(channel), pieces);
}

std::ptrdiff_t UringBackend::write_or_send(FileDescriptor descriptor, const UringSlot& slot,
                                           std::span<iovec> pieces) noexcept {
  return slot.channel_kind == ChannelKind::file ? write_now(descriptor, pieces)
                                                : send_now(descriptor, pieces);
}

std::ptrdiff_t UringBackend::send(SendOperation& operation, ChannelId channel, BytesView piece) noexcept {
  note_send();
  if (slots_.known(channel).channel_kind == ChannelKind::file) {
    const iovec pieces{.iov_base = const_cast<std::byte*>(piece.data()), .iov_len = piece.size()};
    return write_now(descriptor_of(channel), {&pieces, 1});
  }
  const bool can_be_kept = !delivering_.empty() && base::lies_in(piece, delivering_.bytes());
  // A piece is kept for one send; a second one of it (to another channel), and what is left of it when it
  // comes back, can't be.
  const bool goes_soon = base::lies_in(piece, fleeting_) || (!can_be_kept && buffers_->holds(piece));
  if (goes_soon) return send_now(descriptor(channel), piece);

  // First, for it may submit, and in another thread than before even begin anew: nothing may be half started
  // then.
  make_room_for_entry();
  RequestTag tag(Request::send, channel);
  if (can_be_kept && slots_.find(channel) != nullptr) {
    try {
      concluded_.reserve(concluded_.size() + lent_sends_.size() + 1);  // so that `conclude` needs no memory
      tag = RequestTag(Request::send_lent, ChannelId{lent_sends_.put({channel, delivering_}), 0});
    } catch (const std::bad_alloc&) {
      return send_now(descriptor(channel), piece);
    }
    delivering_ = {};
  }
  if (start_output(operation, UringSlot::Output::send, channel) == nullptr) return kUnderWay;
  io_uring_sqe& entry = entry_with_room();
  ::io_uring_prep_send(&entry, descriptor_of(channel).number, piece.data(), piece.size(),
                       MSG_NOSIGNAL | MSG_DONTWAIT);
  tag_entry(entry, tag);
  return kUnderWay;
}

std::ptrdiff_t UringBackend::send(SendOperation& operation, ChannelId channel,
                                  std::span<iovec> pieces) noexcept {
  if (pieces.size() == 1) {
    return UringBackend::send(
        operation, channel, BytesView(static_cast<const std::byte*>(pieces[0].iov_base), pieces[0].iov_len));
  }
  note_send();
  if (slots_.known(channel).channel_kind == ChannelKind::file)
    return write_now(descriptor_of(channel), pieces);
  make_room_for_entry();  // which may submit, and then the arena begins anew
  msghdr* message = messages_.put(pieces);
  if (message == nullptr) return send_now(descriptor(channel), pieces);
  if (start_output(operation, UringSlot::Output::send, channel) == nullptr) return kUnderWay;
  io_uring_sqe& entry = entry_with_room();
  ::io_uring_prep_sendmsg(&entry, descriptor_of(channel).number, message, MSG_NOSIGNAL | MSG_DONTWAIT);
  tag_entry(entry, RequestTag(Request::send, channel));
  return kUnderWay;
}

std::ptrdiff_t UringBackend::conclude(SendOperation& operation, ChannelId channel) noexcept {
  UringSlot* slot = slots_.find(channel);
  if (slot == nullptr || slot->output_kind != UringSlot::Output::send) return kUnderWay;
  enter(&Ring::collect);
  const std::optional<Arrival> sent = take_send_of(channel);
  if (!sent) return kUnderWay;
  if (!sent->piece.empty()) concluded_.push_back(sent->piece);
  const int result = why_not_sent(channel, *slot, sent->completion.result);
  if (slot->output_cancelled) --cancelled_;
  slot->clear_output();
  disarm(operation);
  return result;
}

// --- when there is room --------------------------------------------------------------------------

/// False where the kernel takes nothing after all.
bool UringBackend::send_gathered(ChannelId channel, UringSlot& slot) {
  std::array<iovec, kGatherPieces> pieces;
  const std::size_t count = static_cast<SendOperation&>(*slot.output).gather(pieces);
  const std::ptrdiff_t result = write_or_send(descriptor_of(channel), slot, std::span(pieces).first(count));
  if (result == -EAGAIN) return false;
  end_output(slot, why_not_sent(channel, slot, static_cast<int>(result)));
  return true;
}

/// The same for a file.
bool UringBackend::send_file(ChannelId channel, UringSlot& slot) {
  const std::ptrdiff_t result = send_part(static_cast<FileSendOperation&>(*slot.output), channel);
  if (result == -EAGAIN) return false;
  end_output(slot, why_not_sent(channel, slot, static_cast<int>(result)));
  return true;
}

/// The same for datagrams.
bool UringBackend::send_datagrams(ChannelId channel, UringSlot& slot) {
  const std::ptrdiff_t result =
      send_gathered_datagrams(static_cast<DatagramSendOperation&>(*slot.output), channel);
  if (result == -EAGAIN) return false;
  end_output(slot, static_cast<int>(result));
  return true;
}

}  // namespace tidegate::kernel
