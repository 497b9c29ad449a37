// The blocks behind a queue of datagrams: see datagram_buffer.hpp.
#include "transport/datagram_buffer.hpp"

#include <cassert>
#include <cstdint>
#include <cstring>
#include <new>
#include <type_traits>
#include <utility>

namespace tidegate::transport {

namespace {

/// So that records can lie behind each other.
std::size_t aligned(std::size_t size_bytes) noexcept {
  constexpr std::size_t kAlignment = alignof(std::uint64_t);
  return (size_bytes + kAlignment - 1) / kAlignment * kAlignment;
}

void copy(std::byte* to, BytesView bytes) noexcept {
  if (!bytes.empty()) std::memcpy(to, bytes.data(), bytes.size());
}

}  // namespace

/// The head of a block; records fill the rest of it.
struct DatagramBuffer::Block {
  Block* next;
  std::size_t begin_bytes;  // where the first record is that has not been dropped
  std::size_t used_bytes;
  std::size_t capacity_bytes;
  bool pooled;

  [[nodiscard]] std::byte* memory() noexcept {
    return reinterpret_cast<std::byte*>(this) + aligned(sizeof(Block));
  }
  [[nodiscard]] Record* record_at(std::size_t offset_bytes) noexcept;
};

/// The head of a datagram; its address and its bytes follow.
struct DatagramBuffer::Record {
  std::uint32_t address_bytes;
  std::uint32_t datagram_bytes;

  static std::size_t bytes_for(std::size_t address_bytes, std::size_t datagram_bytes) noexcept {
    return aligned(sizeof(Record) + address_bytes + datagram_bytes);
  }
  [[nodiscard]] std::size_t total_bytes() const noexcept { return bytes_for(address_bytes, datagram_bytes); }
  [[nodiscard]] std::byte* memory() noexcept { return reinterpret_cast<std::byte*>(this) + sizeof(Record); }
  [[nodiscard]] BytesView address() noexcept { return {memory(), address_bytes}; }
  [[nodiscard]] BytesView datagram() noexcept { return {memory() + address_bytes, datagram_bytes}; }
};

DatagramBuffer::Record* DatagramBuffer::Block::record_at(std::size_t offset_bytes) noexcept {
  return std::launder(reinterpret_cast<Record*>(memory() + offset_bytes));
}

void DatagramBuffer::append(BytesView bytes, BytesView address) {
  static_assert(std::is_trivially_destructible_v<Block> && std::is_trivially_destructible_v<Record>);
  const std::size_t record_bytes = Record::bytes_for(address.size(), bytes.size());
  if (last_ == nullptr || last_->capacity_bytes - last_->used_bytes < record_bytes) {
    Block* block = new_block(record_bytes);  // may throw: nothing has changed yet
    (last_ == nullptr ? first_ : last_->next) = block;
    last_ = block;
  }
  auto* record = ::new (last_->memory() + last_->used_bytes)
      Record{static_cast<std::uint32_t>(address.size()), static_cast<std::uint32_t>(bytes.size())};
  copy(record->memory(), address);
  copy(record->memory() + address.size(), bytes);
  last_->used_bytes += record_bytes;
  ++count_;
  size_bytes_ += bytes.size() + kHeaderBytes;
}

std::size_t DatagramBuffer::gather(std::span<kernel::OutgoingDatagram> out) const noexcept {
  std::size_t count = 0;
  for (Block* block = first_; block != nullptr; block = block->next) {
    for (std::size_t offset = block->begin_bytes; offset < block->used_bytes;) {
      if (count == out.size()) return count;
      Record* record = block->record_at(offset);
      out[count++] = {.bytes = record->datagram(), .address = record->address()};
      offset += record->total_bytes();
    }
  }
  return count;
}

void DatagramBuffer::drop(std::size_t count) noexcept {
  assert(count <= count_);
  count_ -= count;
  for (; count > 0; --count) {
    Record* record = first_->record_at(first_->begin_bytes);
    size_bytes_ -= record->datagram_bytes + kHeaderBytes;
    first_->begin_bytes += record->total_bytes();
    if (first_->begin_bytes < first_->used_bytes) continue;
    Block* done = std::exchange(first_, first_->next);
    if (first_ == nullptr) last_ = nullptr;
    let_go(done);
  }
}

DatagramBuffer::Block* DatagramBuffer::new_block(std::size_t record_bytes) {
  const std::size_t head_bytes = aligned(sizeof(Block));
  const bool pooled = head_bytes + record_bytes <= pool_.block_bytes();
  const std::size_t block_bytes = pooled ? pool_.block_bytes() : head_bytes + record_bytes;
  void* memory = pooled ? pool_.acquire() : ::operator new(block_bytes);
  return ::new (memory) Block{.next = nullptr,
                              .begin_bytes = 0,
                              .used_bytes = 0,
                              .capacity_bytes = block_bytes - head_bytes,
                              .pooled = pooled};
}

void DatagramBuffer::let_go(Block* block) noexcept {
  if (block->pooled) {
    pool_.release(block);
  } else {
    ::operator delete(block);
  }
}

}  // namespace tidegate::transport
