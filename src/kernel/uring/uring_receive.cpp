// The seam on io_uring: what arrives, when it is wanted and when not.
#include "kernel/uring/uring_backend.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace tidegate::kernel {

/// A completion of a multishot receive.
void UringBackend::received(ChannelId channel, UringSlot& slot, const Arrival& arrival) {
  const Completion& completion = arrival.completion;
  if (completion.result <= 0) {
    if (!arrival.piece.empty()) buffers_->give_back(arrival.piece);
    return receiving_ended(channel, slot, completion.result);
  }
  if (receives(slot) && !slot.has_parked) {
    slot.delivered_in = dispatch_number_ & UringSlot::kDispatchNumberBits;
    const base::ScopeExit give_back([this] {
      if (!delivering_.empty()) buffers_->give_back(std::exchange(delivering_, {}));
    });
    delivering_ = arrival.piece;
    const BytesView rest = deliver(channel, slot, arrival.piece.bytes());
    if (!rest.empty() && still_is(channel, slot)) park(channel, slot, rest);
  } else {
    park(channel, slot, arrival.piece.bytes());
    buffers_->give_back(arrival.piece);
  }
  if (!still_is(channel, slot)) return;
  if (arrival.piece.size >= kBulkBytes) slot.receives_in_bulk = true;
  if (!completion.more() || slot.receives_in_bulk || slot.has_parked) arm_input(channel, slot);
}

/// Returns what is not wanted any more: the operation was held, or has gone.
BytesView UringBackend::deliver(ChannelId channel, UringSlot& slot, BytesView bytes) {
  while (!bytes.empty() && still_is(channel, slot) && receives(slot)) {
    auto& operation = static_cast<ReceiveOperation&>(*slot.input);
    if (operation.own_memory()) {
      // It came into ours while that was asked for, or while nobody asked.
      const MutableBytesView target = operation.target();
      if (!still_is(channel, slot) || slot.input != &operation || held(operation)) continue;
      if (!target.empty()) {
        const std::size_t size = std::min(target.size(), bytes.size());
        std::memcpy(target.data(), bytes.data(), size);
        bytes = bytes.drop(size);
        operation.filled(size);
        continue;
      }
    }
    operation.received(bytes);
    return {};
  }
  return bytes;
}

Backend::Received UringBackend::receive_by_call(ChannelId channel, ReceiveOperation& operation) {
  const MutableBytesView memory(lent_.get(), kLentBytes);
  const base::ScopeExit is_over([this] { fleeting_ = {}; });
  fleeting_ = memory;
  return receive_now(descriptor_of(channel), slots_.known(channel).channel_kind, operation, memory,
                     Until::empty);
}

/// The socket has something, and it is received into the operation's memory, or much of it into ours.
void UringBackend::receive_when_ready(ChannelId channel, UringSlot& slot) {
  auto& operation = static_cast<ReceiveOperation&>(*slot.input);
  const Received received = receive_by_call(channel, operation);
  if (received.end) {
    const bool is_answered_first = *received.end == 0 && received.bytes > 0;
    return is_answered_first ? end_input_soon(channel, slot, 0)
                             : end_input_after_send(channel, slot, *received.end);
  }
  if (!still_is(channel, slot)) return;
  if (slot.receives_in_bulk && slot.channel_kind == ChannelKind::socket && received.bytes > 0) {
    const bool small = received.bytes < kSmallReadBytes;
    slot.small_reads = small ? slot.small_reads + 1U : 0U;
    if (slot.small_reads == kSmallReads) {
      slot.small_reads = 0;
      slot.receives_in_bulk = false;
    }
  }
  if (received.more) look_at_soon(channel, slot);  // a watch does not say it again
  arm_input(channel, slot);
}

/// The watch tells of what comes from now on, and what is left has to be looked for.
void UringBackend::receive_datagrams(ChannelId channel, UringSlot& slot) {
  auto& operation = static_cast<DatagramReceiveOperation&>(*slot.input);
  const Received received = receive_datagrams_now(channel, operation);
  if (received.end) return end_input(slot, *received.end);
  if (!still_is(channel, slot)) return;
  if (received.more) look_at_soon(channel, slot);
  arm_input(channel, slot);
}

/// A multishot receive is over: the connection is, or the request was stopped, or there was no buffer.
void UringBackend::receiving_ended(ChannelId channel, UringSlot& slot, int result) {
  switch (result) {
    case -ECANCELED:
    case -ENOBUFS:
    case -EAGAIN:
    case -EINTR:
      return arm_input(channel, slot);
    default:
      break;
  }
  const bool wanted = slot.input_kind == UringSlot::Input::hangup ? result < 0 : receives(slot);
  if (wanted && !slot.has_parked) {
    const bool is_answered_first = result == 0 && slot.delivered_in == dispatch_number_;
    is_answered_first ? end_input_soon(channel, slot, 0) : end_input(slot, result);
  } else {
    park_end(channel, slot, result);
    arm_input(channel, slot);
  }
}

/// In the next dispatch: what the bytes before it have made ready runs before that, and may answer. Whoever
/// hears of the end at once closes, and the answer with it.
void UringBackend::end_input_soon(ChannelId channel, UringSlot& slot, int result) {
  park_end(channel, slot, result);
  // Where there is no memory for that, at once: a watch does not say it again.
  if (!slot.has_parked) return end_input_after_send(channel, slot, result);
  look_at_soon(channel, slot);
  arm_input(channel, slot);
}

// --- parked input --------------------------------------------------------------------------------

/// Bytes that nobody wants now. They are copied, and nothing more is received until somebody does.
void UringBackend::park(ChannelId channel, UringSlot& slot, BytesView bytes) noexcept {
  try {
    parked_[channel.index].add(bytes);
    slot.has_parked = true;
  } catch (const std::bad_alloc&) {
    // They are lost, and so is the connection.
    if (slot.input_kind == UringSlot::Input::receive) {
      done_.push(*slot.input, -ENOMEM);
      slot.clear_input();
    }
  }
  stop_input(channel, slot);
}

void UringBackend::park_end(ChannelId channel, UringSlot& slot, int result) noexcept {
  try {
    parked_[channel.index].end = result;
    slot.has_parked = true;
  } catch (const std::bad_alloc&) {
    // The kernel will say it again.
  }
}

/// With what the connection has broken, as far as a receive was told that: the kernel does not say it again.
int UringBackend::parked_error(ChannelId channel, const UringSlot& slot) const noexcept {
  if (!slot.has_parked) return 0;
  return std::min(parked_.at(channel.index).end.value_or(0), 0);
}

/// A send after a reset says EPIPE, if the reset was told to a receive before: then that is why.
int UringBackend::why_not_sent(ChannelId channel, const UringSlot& slot, int result) const noexcept {
  if (result != -EPIPE) return result;
  const int error = parked_error(channel, slot);
  return error != 0 ? error : result;
}

void UringBackend::deliver_parked(ChannelId channel, UringSlot& slot) {
  auto node = parked_.extract(channel.index);
  ParkedInput& parked = node.mapped();
  slot.has_parked = false;
  BytesView rest;
  {
    const base::ScopeExit is_over([this] { fleeting_ = {}; });
    fleeting_ = BytesView(parked.bytes.data(), parked.bytes.size());
    rest = deliver(channel, slot, fleeting_);
  }
  if (!still_is(channel, slot)) return;
  parked.bytes.erase(parked.bytes.begin(), parked.bytes.end() - static_cast<std::ptrdiff_t>(rest.size()));
  if (parked.end && receives(slot) && rest.empty()) return end_input_after_send(channel, slot, *parked.end);
  if (!parked.empty()) {
    parked_.insert(std::move(node));
    slot.has_parked = true;
  }
  arm_input(channel, slot);
}

}  // namespace tidegate::kernel
