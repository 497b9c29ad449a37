// What a transport was given to send and the kernel has not taken yet. Knows no system calls and no
// protocols.
#pragma once

#include <tidegate/bytes.hpp>
#include <tidegate/chunk.hpp>

#include "base/block_pool.hpp"

#include <cstddef>
#include <span>
#include <utility>

#include <sys/uio.h>

namespace tidegate::transport {

/// An ordered run of bytes: appended at its end, gathered and consumed from its front. It holds copies of
/// views, in blocks of a pool, and chunks as they are (contract W2). Empty, it holds no memory but itself.
///
/// For a while it may refer to bytes of somebody else instead (`lend`), which spares the copy where they can
/// be sent before their owner wants them back.
///
/// The state is settled before any chunk is let go of, so what lets go of it may call anything here, or
/// destroy the buffer. What `gather` pointed at stays in place, through appends and moves of the buffer,
/// until it is consumed or cleared.
///
/// Thread: that of the pool.
class WriteBuffer {
 public:
  class Consumed;

  /// Lifetime: `pool` outlives the buffer.
  explicit WriteBuffer(base::BlockPool& pool) noexcept : pool_(&pool) {}
  /// Takes everything; `other` is empty then.
  WriteBuffer(WriteBuffer&& other) noexcept;
  WriteBuffer& operator=(WriteBuffer&&) = delete;
  ~WriteBuffer() { clear(); }

  /// Copies `bytes`; they are free for reuse on return. Throws std::bad_alloc and changes nothing then.
  void append(BytesView bytes);
  /// Keeps `chunk`, and lets go of it once, when its last byte is consumed. Throws std::bad_alloc and changes
  /// nothing then, `chunk` neither.
  void append(Chunk&& chunk);

  /// Takes over all that `other` holds, which is empty then; copies only what is small and finds room here.
  /// Throws std::bad_alloc and changes nothing then. REQUIRES: both are of one pool, `other` is not lent.
  void append(WriteBuffer&& other);

  /// Appends `bytes` without a copy, for as long as they stay valid; `keep` or a consumption of everything
  /// comes before that ends. False, and nothing changes, where other bytes wait that these do not directly
  /// follow in memory.
  [[nodiscard]] bool lend(BytesView bytes) noexcept {
    if (empty()) {
      lent_ = bytes.data();
    } else if (!is_lent() || lent_ + size_ != bytes.data()) {
      return false;
    }
    size_ += bytes.size();
    return true;
  }
  /// True while it refers to lent bytes; it holds nothing else then.
  [[nodiscard]] bool is_lent() const noexcept { return size_ != 0 && first_ == nullptr; }
  /// The lent bytes. REQUIRES: is_lent().
  [[nodiscard]] BytesView lent() const noexcept { return {lent_, size_}; }
  /// Empties it of them. REQUIRES: is_lent().
  void forget_lent() noexcept {
    last_ = nullptr;
    size_ = 0;
  }
  /// Copies what is lent. Throws std::bad_alloc and changes nothing then.
  void keep();

  /// All bytes that wait; O(1) (contract F7).
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }

  /// Points `out` at the first bytes, none of them empty, and returns how many entries it filled: fewer than
  /// `out.size()` only where they cover everything.
  [[nodiscard]] std::size_t gather(std::span<iovec> out) const noexcept;

  /// Takes out the first `bytes` bytes. What held them is let go of, in order, when the result ends: that
  /// runs code of the program, so whoever has something to settle first keeps the result until it is.
  /// REQUIRES: `bytes` <= size().
  Consumed consume(std::size_t bytes) noexcept;

  /// Drops everything.
  void clear() noexcept;

 private:
  struct Segment;
  struct BlockSegment;
  struct ChunkSegment;
  /// Segments that belong together, linked in order.
  struct Chain {
    Segment* first = nullptr;
    Segment* last = nullptr;
  };

  [[nodiscard]] std::size_t room_in_last_block() const noexcept;
  [[nodiscard]] Chain blocks_holding(BytesView bytes) const;
  [[nodiscard]] std::size_t block_capacity() const noexcept;
  void copy_into_last_block(BytesView bytes) noexcept;
  void link_back(Chain chain, std::size_t bytes) noexcept;
  static void let_go(base::BlockPool& pool, Segment* first) noexcept;

  base::BlockPool* pool_;
  Segment* first_ = nullptr;
  // Empty, or holding segments: the last one. Lent bytes are alone, and take its place.
  union {
    Segment* last_ = nullptr;
    const std::byte* lent_;
  };
  std::size_t size_ = 0;
};

/// What was taken out of a buffer and is let go of when this ends.
///
/// Lifetime: the pool outlives it; the buffer need not.
class WriteBuffer::Consumed {
 public:
  /// Nothing.
  Consumed() noexcept = default;
  Consumed(Consumed&& other) noexcept : pool_(other.pool_), chain_(std::exchange(other.chain_, Chain())) {}
  /// What was here is let go of.
  Consumed& operator=(Consumed&& other) noexcept;
  ~Consumed();

  /// Lets go of `later` with this, after what is here.
  void append(Consumed&& later) noexcept;

 private:
  friend class WriteBuffer;
  Consumed(base::BlockPool& pool, Chain chain) noexcept : pool_(&pool), chain_(chain) {}

  base::BlockPool* pool_ = nullptr;
  Chain chain_;
};

// Every idle connection carries one.
static_assert(sizeof(WriteBuffer) <= 32);

}  // namespace tidegate::transport
