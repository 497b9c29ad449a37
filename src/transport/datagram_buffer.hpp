// The datagrams that a transport was given to send and the kernel has not taken yet. Knows no system calls
// and no protocols.
#pragma once

#include <tidegate/bytes.hpp>

#include "base/block_pool.hpp"
#include "kernel/operation.hpp"

#include <cstddef>
#include <span>

namespace tidegate::transport {

/// A queue of datagrams, each with the address that it goes to. Both are copied, one behind the other, into
/// blocks of a pool, so that many small ones share a block and a steady flow asks the heap for nothing; only
/// one that is larger than a block has memory of its own. Empty, it holds no memory but itself.
///
/// Of datagrams of one size to one address, one behind the other, the address is kept once and the bytes lie
/// in a row: as the kernel wants a train of them.
///
/// Thread: that of the pool.
class DatagramBuffer {
 public:
  /// What a datagram counts for beside its bytes, so that many empty ones are bounded as well (contract D3).
  static constexpr std::size_t kHeaderBytes = 8;

  /// Lifetime: `pool` outlives the buffer.
  explicit DatagramBuffer(base::BlockPool& pool) noexcept : pool_(pool) {}
  DatagramBuffer(const DatagramBuffer&) = delete;
  DatagramBuffer& operator=(const DatagramBuffer&) = delete;
  ~DatagramBuffer() { clear(); }

  /// Puts a datagram at the end; `address` is a sockaddr, or empty. Throws std::bad_alloc and changes nothing
  /// then.
  void append(BytesView bytes, BytesView address);

  /// The bytes of all that wait, and kHeaderBytes for each; O(1) (contract F7).
  [[nodiscard]] std::size_t size() const noexcept { return size_bytes_; }
  /// How many datagrams.
  [[nodiscard]] std::size_t count() const noexcept { return count_; }
  [[nodiscard]] bool empty() const noexcept { return count_ == 0; }

  /// Points `out` at the first datagrams and returns how many: fewer than `out.size()` only where there are
  /// no more. They stay in place until they are dropped.
  [[nodiscard]] std::size_t gather(std::span<kernel::OutgoingDatagram> out) const noexcept;

  /// Takes the first `count` datagrams out. REQUIRES: `count` <= count().
  void drop(std::size_t count) noexcept;
  void clear() noexcept { drop(count_); }

 private:
  struct Block;
  struct Run;

  [[nodiscard]] bool append_to_last_run(BytesView bytes, BytesView address) noexcept;
  void append_new_run(BytesView bytes, BytesView address);
  [[nodiscard]] Block* new_block(std::size_t run_bytes);
  void let_go(Block* block) noexcept;

  base::BlockPool& pool_;
  Block* first_ = nullptr;
  Block* last_ = nullptr;
  std::size_t count_ = 0;
  std::size_t size_bytes_ = 0;
};

}  // namespace tidegate::transport
