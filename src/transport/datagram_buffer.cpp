// The blocks behind a queue of datagrams: see datagram_buffer.hpp.
#include "transport/datagram_buffer.hpp"

#include <algorithm>
#include <cassert>
#include <cstdint>
#include <cstring>
#include <new>
#include <type_traits>
#include <utility>

namespace tidegate::transport {

namespace {

/// So that runs can lie behind each other.
std::size_t aligned(std::size_t size_bytes) noexcept {
  constexpr std::size_t kAlignment = alignof(std::uint64_t);
  return (size_bytes + kAlignment - 1) / kAlignment * kAlignment;
}

void copy(std::byte* to, BytesView bytes) noexcept {
  if (!bytes.empty()) std::memcpy(to, bytes.data(), bytes.size());
}

}  // namespace

/// The head of a block; runs fill the rest of it.
struct DatagramBuffer::Block {
  Block* next;
  std::size_t begin_bytes;  // where the first run is that has not been dropped
  std::size_t last_bytes;   // where the last run is
  std::size_t used_bytes;
  std::size_t capacity_bytes;
  bool pooled;

  [[nodiscard]] std::byte* memory() noexcept {
    return reinterpret_cast<std::byte*>(this) + aligned(sizeof(Block));
  }
  [[nodiscard]] Run* run_at(std::size_t offset_bytes) noexcept;
  [[nodiscard]] Run* last_run() noexcept { return used_bytes == 0 ? nullptr : run_at(last_bytes); }
};

/// The head of a run: datagrams of one size to one address. The address follows, then all their bytes.
struct DatagramBuffer::Run {
  std::size_t datagram_bytes;
  std::size_t count;
  std::size_t dropped;  // of the first ones
  std::size_t address_bytes;

  static std::size_t bytes_for(std::size_t address_bytes, std::size_t all_datagrams_bytes) noexcept {
    return aligned(sizeof(Run) + address_bytes + all_datagrams_bytes);
  }
  [[nodiscard]] std::size_t bytes_with(std::size_t datagrams) const noexcept {
    return bytes_for(address_bytes, datagrams * datagram_bytes);
  }
  [[nodiscard]] std::byte* memory() noexcept { return reinterpret_cast<std::byte*>(this) + sizeof(Run); }
  [[nodiscard]] BytesView address() noexcept { return {memory(), address_bytes}; }
  [[nodiscard]] std::byte* place_of(std::size_t index) noexcept {
    return memory() + address_bytes + index * datagram_bytes;
  }
  [[nodiscard]] BytesView datagram(std::size_t index) noexcept { return {place_of(index), datagram_bytes}; }
  [[nodiscard]] bool is_of(BytesView bytes, BytesView address_of_it) noexcept {
    return bytes.size() == datagram_bytes && address_of_it == address();
  }
};

DatagramBuffer::Run* DatagramBuffer::Block::run_at(std::size_t offset_bytes) noexcept {
  return std::launder(reinterpret_cast<Run*>(memory() + offset_bytes));
}

void DatagramBuffer::append(BytesView bytes, BytesView address) {
  if (!append_to_last_run(bytes, address)) append_new_run(bytes, address);
  ++count_;
  size_bytes_ += bytes.size() + kHeaderBytes;
}

bool DatagramBuffer::append_to_last_run(BytesView bytes, BytesView address) noexcept {
  Run* run = last_ == nullptr ? nullptr : last_->last_run();
  if (run == nullptr || !run->is_of(bytes, address)) return false;
  const std::size_t end_bytes = last_->last_bytes + run->bytes_with(run->count + 1);
  if (end_bytes > last_->capacity_bytes) return false;
  copy(run->place_of(run->count), bytes);
  ++run->count;
  last_->used_bytes = end_bytes;
  return true;
}

void DatagramBuffer::append_new_run(BytesView bytes, BytesView address) {
  static_assert(std::is_trivially_destructible_v<Block> && std::is_trivially_destructible_v<Run>);
  const std::size_t run_bytes = Run::bytes_for(address.size(), bytes.size());
  if (last_ == nullptr || last_->capacity_bytes - last_->used_bytes < run_bytes) {
    Block* block = new_block(run_bytes);  // may throw: nothing has changed yet
    (last_ == nullptr ? first_ : last_->next) = block;
    last_ = block;
  }
  auto* run = ::new (last_->memory() + last_->used_bytes)
      Run{.datagram_bytes = bytes.size(), .count = 1, .dropped = 0, .address_bytes = address.size()};
  copy(run->memory(), address);
  copy(run->place_of(0), bytes);
  last_->last_bytes = last_->used_bytes;
  last_->used_bytes += run_bytes;
}

std::size_t DatagramBuffer::gather(std::span<kernel::OutgoingDatagram> out) const noexcept {
  std::size_t gathered = 0;
  for (Block* block = first_; block != nullptr; block = block->next) {
    for (std::size_t offset = block->begin_bytes; offset < block->used_bytes;) {
      Run* run = block->run_at(offset);
      const BytesView address = run->address();
      for (std::size_t index = run->dropped; index < run->count; ++index) {
        if (gathered == out.size()) return gathered;
        out[gathered++] = {.bytes = run->datagram(index), .address = address};
      }
      offset += run->bytes_with(run->count);
    }
  }
  return gathered;
}

void DatagramBuffer::drop(std::size_t count) noexcept {
  assert(count <= count_);
  count_ -= count;
  while (count > 0) {
    Run* run = first_->run_at(first_->begin_bytes);
    const std::size_t dropped = std::min(count, run->count - run->dropped);
    count -= dropped;
    size_bytes_ -= dropped * (run->datagram_bytes + kHeaderBytes);
    run->dropped += dropped;
    if (run->dropped < run->count) return;
    first_->begin_bytes += run->bytes_with(run->count);
    if (first_->begin_bytes < first_->used_bytes) continue;
    Block* done = std::exchange(first_, first_->next);
    if (first_ == nullptr) last_ = nullptr;
    let_go(done);
  }
}

DatagramBuffer::Block* DatagramBuffer::new_block(std::size_t run_bytes) {
  const std::size_t head_bytes = aligned(sizeof(Block));
  const bool pooled = head_bytes + run_bytes <= pool_.block_bytes();
  const std::size_t block_bytes = pooled ? pool_.block_bytes() : head_bytes + run_bytes;
  void* memory = pooled ? pool_.acquire() : ::operator new(block_bytes);
  return ::new (memory) Block{.next = nullptr,
                              .begin_bytes = 0,
                              .last_bytes = 0,
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
