// The ring of bytes: see byte_queue.hpp.
#include "kernel/sim/byte_queue.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include <sys/uio.h>

namespace tidegate::kernel::sim {

std::size_t bytes_of(const msghdr& message) noexcept {
  std::size_t bytes = 0;
  for (std::size_t at = 0; at < message.msg_iovlen; ++at) bytes += message.msg_iov[at].iov_len;
  return bytes;
}

void ByteQueue::append(const msghdr& message, std::size_t count) {
  if (capacity_ - size_ < count) make_room(count);
  for (std::size_t piece = 0; count > 0; ++piece) {
    const auto* from = static_cast<const std::byte*>(message.msg_iov[piece].iov_base);
    std::size_t left = std::min(message.msg_iov[piece].iov_len, count);
    count -= left;
    while (left > 0) {
      const std::size_t at = (front_ + size_) & (capacity_ - 1);
      const std::size_t step = std::min(left, capacity_ - at);
      std::memcpy(bytes_.get() + at, from, step);
      from += step;
      size_ += step;
      left -= step;
    }
  }
}

void ByteQueue::copy_to(const msghdr& message, std::size_t count) const noexcept {
  std::size_t at = front_;
  for (std::size_t piece = 0; count > 0; ++piece) {
    auto* to = static_cast<std::byte*>(message.msg_iov[piece].iov_base);
    std::size_t left = std::min(message.msg_iov[piece].iov_len, count);
    count -= left;
    while (left > 0) {
      const std::size_t step = std::min(left, capacity_ - at);
      std::memcpy(to, bytes_.get() + at, step);
      to += step;
      left -= step;
      at = (at + step) & (capacity_ - 1);
    }
  }
}

void ByteQueue::drop_front(std::size_t count) noexcept {
  if (count == 0) return;  // an empty queue may have no memory yet
  front_ = (front_ + count) & (capacity_ - 1);
  size_ -= count;
}

void ByteQueue::make_room(std::size_t count) {
  constexpr std::size_t kLeast = 256;
  const std::size_t larger = std::bit_ceil(std::max(kLeast, size_ + count));
  std::unique_ptr<std::byte[]> bytes(new std::byte[larger]);
  const std::size_t before_the_edge = std::min(size_, capacity_ - front_);
  if (size_ > 0) {
    std::memcpy(bytes.get(), bytes_.get() + front_, before_the_edge);
    std::memcpy(bytes.get() + before_the_edge, bytes_.get(), size_ - before_the_edge);
  }
  bytes_ = std::move(bytes);
  capacity_ = larger;
  front_ = 0;
}

}  // namespace tidegate::kernel::sim
