// The segments behind a write buffer: blocks of copied bytes and chunks, linked in order. No system calls.
#include "transport/write_buffer.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <new>
#include <type_traits>
#include <utility>

namespace tidegate::transport {

/// A run of bytes that is never empty.
struct WriteBuffer::Segment {
  enum class Kind { block, chunk };

  Segment* next;
  const std::byte* data;
  std::size_t size;
  Kind kind;
};

/// The head of a pooled block; copied bytes fill the rest of it.
struct WriteBuffer::BlockSegment : Segment {
  [[nodiscard]] std::byte* memory() noexcept {
    return reinterpret_cast<std::byte*>(this) + sizeof(BlockSegment);
  }
  [[nodiscard]] std::size_t used() noexcept { return static_cast<std::size_t>(data + size - memory()); }
};

/// A node of the pool; the bytes are the chunk's.
struct WriteBuffer::ChunkSegment : Segment {
  Chunk chunk;
};

WriteBuffer::WriteBuffer(WriteBuffer&& other) noexcept : pool_(other.pool_) {
  if (other.is_lent()) {
    lent_ = other.lent_;
  } else {
    first_ = std::exchange(other.first_, nullptr);
    last_ = other.last_;
  }
  other.last_ = nullptr;
  size_ = std::exchange(other.size_, 0);
}

void WriteBuffer::append(BytesView bytes) {
  if (bytes.empty()) return;
  keep();
  const BytesView fitting = bytes.first(room_in_last_block());
  const Chain blocks = blocks_holding(bytes.drop(fitting.size()));  // may throw: nothing has changed yet

  if (!fitting.empty()) copy_into_last_block(fitting);
  if (blocks.first != nullptr) link_back(blocks, bytes.size() - fitting.size());
}

void WriteBuffer::append(Chunk&& chunk) {
  if (chunk.empty()) return chunk.reset();
  keep();
  static_assert(sizeof(ChunkSegment) <= base::BlockPool::kNodeBytes);
  const BytesView bytes = chunk.bytes();
  void* node = pool_->acquire_node();  // may throw: nothing has changed yet
  auto* segment = ::new (node)
      ChunkSegment{{nullptr, bytes.data(), bytes.size(), Segment::Kind::chunk}, std::move(chunk)};
  link_back({segment, segment}, bytes.size());
}

void WriteBuffer::append(WriteBuffer&& other) {
  assert(other.pool_ == pool_ && !other.is_lent());
  if (other.empty()) return;
  keep();
  // A block for every small message would be what a slow peer makes the process hold.
  if (other.size_ <= room_in_last_block() && other.first_ == other.last_ &&
      other.first_->kind == Segment::Kind::block) {
    copy_into_last_block({other.first_->data, other.size_});
    other.clear();
    return;
  }
  const std::size_t bytes = std::exchange(other.size_, 0);
  link_back({std::exchange(other.first_, nullptr), std::exchange(other.last_, nullptr)}, bytes);
}

void WriteBuffer::keep() {
  if (!is_lent()) return;
  const Chain blocks = blocks_holding(lent());
  first_ = blocks.first;
  last_ = blocks.last;
}

std::size_t WriteBuffer::gather(std::span<iovec> out) const noexcept {
  if (is_lent()) {
    if (out.empty()) return 0;
    out[0] = {const_cast<std::byte*>(lent_), size_};
    return 1;
  }
  std::size_t count = 0;
  for (const Segment* segment = first_; segment != nullptr && count < out.size(); segment = segment->next) {
    // The kernel only reads it; iovec has no const form.
    out[count++] = {const_cast<std::byte*>(segment->data), segment->size};
  }
  return count;
}

WriteBuffer::Consumed WriteBuffer::consume(std::size_t bytes) noexcept {
  assert(bytes <= size_);
  const bool lent = is_lent();
  size_ -= bytes;
  if (lent) {
    if (size_ == 0) {
      last_ = nullptr;
    } else {
      lent_ += bytes;
    }
    return Consumed(*pool_, Chain());
  }

  Chain taken;
  while (first_ != nullptr && bytes >= first_->size) {
    bytes -= first_->size;
    if (taken.first == nullptr) taken.first = first_;
    taken.last = std::exchange(first_, first_->next);
  }
  if (first_ == nullptr) {
    last_ = nullptr;
  } else {
    first_->data += bytes;
    first_->size -= bytes;
  }
  if (taken.last != nullptr) taken.last->next = nullptr;
  return Consumed(*pool_, taken);
}

void WriteBuffer::clear() noexcept { consume(size_); }

WriteBuffer::Consumed::~Consumed() {
  if (chain_.first != nullptr) let_go(*pool_, chain_.first);
}

WriteBuffer::Consumed& WriteBuffer::Consumed::operator=(Consumed&& other) noexcept {
  const Consumed before(std::move(*this));
  pool_ = other.pool_;
  chain_ = std::exchange(other.chain_, Chain());
  return *this;
}

void WriteBuffer::Consumed::append(Consumed&& later) noexcept {
  if (later.chain_.first == nullptr) return;
  pool_ = later.pool_;
  (chain_.last == nullptr ? chain_.first : chain_.last->next) = later.chain_.first;
  chain_.last = later.chain_.last;
  later.chain_ = Chain();
}

std::size_t WriteBuffer::room_in_last_block() const noexcept {
  if (last_ == nullptr || last_->kind != Segment::Kind::block) return 0;
  return block_capacity() - static_cast<BlockSegment*>(last_)->used();
}

std::size_t WriteBuffer::block_capacity() const noexcept {
  assert(pool_->block_bytes() > sizeof(BlockSegment));
  return pool_->block_bytes() - sizeof(BlockSegment);
}

/// Fresh blocks with a copy of `bytes`, not linked to this buffer yet; none for no bytes.
WriteBuffer::Chain WriteBuffer::blocks_holding(BytesView bytes) const {
  static_assert(std::is_trivially_destructible_v<BlockSegment>);
  Chain chain;
  try {
    while (!bytes.empty()) {
      const BytesView part = bytes.first(block_capacity());
      auto* block =
          ::new (pool_->acquire()) BlockSegment{{nullptr, nullptr, part.size(), Segment::Kind::block}};
      block->data = block->memory();
      std::memcpy(block->memory(), part.data(), part.size());
      (chain.last == nullptr ? chain.first : chain.last->next) = block;
      chain.last = block;
      bytes = bytes.drop(part.size());
    }
  } catch (...) {
    let_go(*pool_, chain.first);
    throw;
  }
  return chain;
}

void WriteBuffer::copy_into_last_block(BytesView bytes) noexcept {
  assert(bytes.size() <= room_in_last_block());
  auto* block = static_cast<BlockSegment*>(last_);
  std::memcpy(block->memory() + block->used(), bytes.data(), bytes.size());
  block->size += bytes.size();
  size_ += bytes.size();
}

void WriteBuffer::link_back(Chain chain, std::size_t bytes) noexcept {
  (last_ == nullptr ? first_ : last_->next) = chain.first;
  last_ = chain.last;
  size_ += bytes;
}

/// Gives `first` and all that follow back. The buffer that they came from may be gone when this returns.
void WriteBuffer::let_go(base::BlockPool& pool, Segment* first) noexcept {
  while (first != nullptr) {
    Segment* segment = std::exchange(first, first->next);
    if (segment->kind == Segment::Kind::block) {
      pool.release(segment);
    } else {
      auto* node = static_cast<ChunkSegment*>(segment);
      const Chunk released =
          std::move(node->chunk);  // ends after the node has come back, which it may want to use
      node->~ChunkSegment();
      pool.release_node(node);
    }
  }
}

}  // namespace tidegate::transport
