// The bytes of a stream that were not read yet: see read_buffer.hpp.
#include "streams/read_buffer.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace tidegate::detail {

namespace {

void copy_bytes(std::byte* to, BytesView bytes) noexcept {
  if (!bytes.empty()) std::memcpy(to, bytes.data(), bytes.size());
}

}  // namespace

MutableBytesView ReadBuffer::room(std::size_t size_bytes) {
  if (capacity_ - end_ < size_bytes) {
    const std::size_t needed = size() + size_bytes;
    // Moving down is cheap where what moves is small against what is gained; growing by half again keeps the
    // copies of a long message linear.
    if (!is_lent_ && needed <= capacity_ && size() <= capacity_ / 2) {
      std::memmove(block_.get(), block_.get() + begin_, size());
      end_ = size();
      begin_ = 0;
    } else {
      move_to_block_of(empty() ? needed : std::max(needed, capacity_ + capacity_ / 2), 0);
    }
  }
  return {block_.get() + end_, capacity_ - end_};
}

/// The bytes go to a new block, where they begin at `begin`.
void ReadBuffer::move_to_block_of(std::size_t capacity, std::size_t begin) {
  auto block = std::make_unique_for_overwrite<std::byte[]>(capacity);
  const std::size_t size_bytes = size();
  copy_bytes(block.get() + begin, bytes());
  std::swap(block_, block);
  capacity_ = capacity;
  begin_ = begin;
  end_ = begin + size_bytes;
  if (is_lent_) left_behind_ = std::move(block);
  is_lent_ = false;
}

void ReadBuffer::append(BytesView bytes) {
  if (bytes.empty()) return;
  copy_bytes(room(bytes.size()).data(), bytes);
  commit(bytes.size());
}

void ReadBuffer::prepend(BytesView bytes) {
  if (bytes.empty()) return;
  if (is_lent_ || begin_ < bytes.size()) move_to_block_of(bytes.size() + size(), bytes.size());
  begin_ -= bytes.size();
  copy_bytes(block_.get() + begin_, bytes);
}

BytesView ReadBuffer::take(std::size_t size_bytes) noexcept {
  const BytesView taken = bytes().first(size_bytes);
  begin_ += taken.size();
  is_lent_ = is_lent_ || !taken.empty();
  return taken;
}

void ReadBuffer::reclaim() noexcept {
  left_behind_.reset();
  is_lent_ = false;
  if (!empty()) return;
  block_.reset();
  capacity_ = begin_ = end_ = 0;
}

}  // namespace tidegate::detail
