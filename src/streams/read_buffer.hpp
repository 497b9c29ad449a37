// The bytes of a stream that have arrived and were not read yet, in one piece, so that any part of them can
// be shown without a copy. Makes no decision about how many there may be.
#pragma once

#include <tidegate/bytes.hpp>

#include <cstddef>
#include <memory>

namespace tidegate::detail {

/// A queue of bytes in one block of memory, which grows as needed. Bytes that were taken stay where they are
/// until `reclaim`, whatever is added meanwhile. An empty queue holds no memory once it was reclaimed.
class ReadBuffer {
 public:
  /// What can be taken. Lifetime: until something is added, taken or reclaimed.
  [[nodiscard]] BytesView bytes() const noexcept { return {block_.get() + begin_, size()}; }
  [[nodiscard]] std::size_t size() const noexcept { return end_ - begin_; }
  [[nodiscard]] bool empty() const noexcept { return begin_ == end_; }

  /// Memory behind the bytes, at least `size_bytes` of it. Lifetime: as `bytes`.
  [[nodiscard]] MutableBytesView room(std::size_t size_bytes);
  /// The first `size_bytes` bytes of the last `room` belong to the queue now.
  void commit(std::size_t size_bytes) noexcept { end_ += size_bytes; }
  void append(BytesView bytes);
  /// Puts bytes before all others.
  void prepend(BytesView bytes);

  /// The first `size_bytes` bytes, which are no longer in the queue. Lifetime: until the next `take` or
  /// `reclaim`.
  [[nodiscard]] BytesView take(std::size_t size_bytes) noexcept;
  /// Nobody looks at what was taken any more.
  void reclaim() noexcept;

 private:
  void move_to_block_of(std::size_t capacity, std::size_t begin);

  std::unique_ptr<std::byte[]> block_;
  std::unique_ptr<std::byte[]> left_behind_;  // holds what was taken, where the queue had to move on
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  bool is_lent_ = false;  // something in block_ was taken and is being looked at
};

}  // namespace tidegate::detail
