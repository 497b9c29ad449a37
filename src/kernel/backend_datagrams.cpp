// What all backends do alike for datagrams: a batch is received, and handed out one at a time.
#include "kernel/backend.hpp"

#include <array>
#include <cerrno>
#include <memory>
#include <new>
#include <utility>

namespace tidegate::kernel {

std::ptrdiff_t Backend::try_send(DatagramSendOperation& operation, ChannelId channel,
                                 std::span<const OutgoingDatagram> datagrams) noexcept {
  return send_datagrams_now(descriptor(channel), datagrams, operation.train_limit_bytes_);
}

std::ptrdiff_t Backend::send_gathered_datagrams(DatagramSendOperation& operation,
                                                ChannelId channel) noexcept {
  std::array<OutgoingDatagram, DatagramSendOperation::kBatch> datagrams;
  const std::size_t count = operation.gather(datagrams);
  return try_send(operation, channel, std::span(datagrams).first(count));
}

/// One call at a time: whatever arrives after it is news, of which epoll and a watch tell. So does an error
/// that ended the batch early, for it was news while the call went on.
Backend::Received Backend::receive_datagrams_now(ChannelId channel, DatagramReceiveOperation& operation) {
  Received received;
  if (kept_datagrams_.has(channel)) {
    deliver_kept(channel, operation);
    received.more = true;
    return received;
  }
  if (batch_ == nullptr) {
    try {
      batch_ = std::make_unique<DatagramBatch>();
    } catch (const std::bad_alloc&) {
      received.end = -ENOMEM;
      return received;
    }
  }
  const int count = batch_->receive(descriptor(channel), operation.family());
  if (count < 0) {
    if (count != -EAGAIN) received.end = count;
    return received;
  }
  received.more = batch_->was_full();
  bool whole = true;
  for (int index = 0; index < count; ++index) {
    const DatagramBatch::Message message = batch_->message(index);
    received.bytes += message.bytes.size();
    whole = deliver(message, channel, operation) && whole;
  }
  if (!whole && armed(operation) && !held(operation)) received.end = -EMSGSIZE;
  return received;
}

/// Hands out the datagrams of a message, or keeps those that are not wanted any more. False for one that has
/// been cut: nobody gets to see it.
bool Backend::deliver(const DatagramBatch::Message& message, ChannelId channel,
                      DatagramReceiveOperation& operation) {
  if (message.cut) return false;
  BytesView rest = message.bytes;
  do {
    const BytesView datagram = message.segment_bytes > 0 ? rest.first(message.segment_bytes) : rest;
    rest = rest.drop(datagram.size());
    if (armed(operation) && !held(operation)) {
      operation.received(datagram, message.sender);
      continue;
    }
    try {
      kept_datagrams_.add(channel, datagram, message.sender);
    } catch (const std::bad_alloc&) {
      // It is lost, as a datagram is that finds no room in the kernel.
    }
  } while (!rest.empty());
  return true;
}

void Backend::deliver_kept(ChannelId channel, DatagramReceiveOperation& operation) {
  KeptDatagrams::Queue queue = kept_datagrams_.take(channel);
  while (!queue.empty() && armed(operation) && !held(operation)) {
    const KeptDatagrams::Datagram datagram = std::move(queue.front());
    queue.pop_front();
    operation.received(BytesView(datagram.bytes), datagram.sender);
  }
  try {
    kept_datagrams_.put_back(channel, std::move(queue));
  } catch (const std::bad_alloc&) {
    // They are lost: the same.
  }
}

}  // namespace tidegate::kernel
