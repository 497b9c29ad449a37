// Memory for what waits to be sent: blocks of one size and small nodes, both kept for the next use. Knows
// nothing of what is put into them.
#pragma once

#include <cstddef>

namespace tidegate::base {

/// Hands out blocks of one size, and nodes of one small size that describe memory of somebody else; both in
/// O(1). What comes back is kept up to a bound, so that a steady flow of messages asks the heap for nothing
/// while a burst gives back what it took. Free memory is poisoned under AddressSanitizer.
///
/// Lifetime: outlives everything it handed out.
/// Thread: one; each loop has its own.
class BlockPool {
 public:
  static constexpr std::size_t kDefaultBlockBytes = std::size_t{16} * 1024;
  static constexpr std::size_t kDefaultFreeBlocks = 64;
  /// One cache line.
  static constexpr std::size_t kNodeBytes = 64;
  /// As much memory as four default blocks.
  static constexpr std::size_t kFreeNodes = 1024;

  /// REQUIRES: `block_bytes` >= sizeof(void*).
  explicit BlockPool(std::size_t block_bytes = kDefaultBlockBytes,
                     std::size_t max_free_blocks = kDefaultFreeBlocks) noexcept
      : blocks_(block_bytes, max_free_blocks) {}

  /// The size of each block.
  [[nodiscard]] std::size_t block_bytes() const noexcept { return blocks_.item_bytes(); }

  /// A block, aligned for anything and not initialised. Throws std::bad_alloc.
  [[nodiscard]] void* acquire() { return blocks_.acquire(); }
  /// Takes back what `acquire` returned. Null: nothing happens.
  void release(void* block) noexcept { blocks_.release(block); }

  /// kNodeBytes, aligned for anything and not initialised. Throws std::bad_alloc.
  [[nodiscard]] void* acquire_node() { return nodes_.acquire(); }
  /// Takes back what `acquire_node` returned. Null: nothing happens.
  void release_node(void* node) noexcept { nodes_.release(node); }

  /// Blocks and nodes that have not come back.
  [[nodiscard]] std::size_t in_use() const noexcept { return blocks_.in_use() + nodes_.in_use(); }
  /// Blocks that wait for their next use.
  [[nodiscard]] std::size_t free_blocks() const noexcept { return blocks_.free_items(); }
  [[nodiscard]] std::size_t free_nodes() const noexcept { return nodes_.free_items(); }

  /// Gives the free memory back to the heap.
  void trim() noexcept;

 private:
  /// Items of one size: the heap's, by way of a bounded stack of free ones.
  class FreeStack {
   public:
    FreeStack(std::size_t item_bytes, std::size_t max_free_items) noexcept;
    FreeStack(const FreeStack&) = delete;
    FreeStack& operator=(const FreeStack&) = delete;
    ~FreeStack();

    [[nodiscard]] std::size_t item_bytes() const noexcept { return item_bytes_; }
    [[nodiscard]] std::size_t in_use() const noexcept { return in_use_; }
    [[nodiscard]] std::size_t free_items() const noexcept { return free_items_; }

    [[nodiscard]] void* acquire();
    void release(void* item) noexcept;
    void trim() noexcept;

   private:
    struct FreeItem {
      FreeItem* next;
    };

    [[nodiscard]] void* pop() noexcept;

    std::size_t item_bytes_;
    std::size_t max_free_items_;
    std::size_t in_use_ = 0;
    std::size_t free_items_ = 0;
    FreeItem* top_ = nullptr;
  };

  FreeStack blocks_;
  FreeStack nodes_{kNodeBytes, kFreeNodes};
};

}  // namespace tidegate::base
