// The stacks of free memory behind a loop's write buffers. Knows nothing of what is put into them.
#include "base/block_pool.hpp"

#include "base/poison.hpp"

#include <cassert>
#include <new>

namespace tidegate::base {

BlockPool::FreeStack::FreeStack(std::size_t item_bytes, std::size_t max_free_items) noexcept
    : item_bytes_(item_bytes), max_free_items_(max_free_items) {
  assert(item_bytes >= sizeof(FreeItem));
}

BlockPool::FreeStack::~FreeStack() {
  assert(in_use_ == 0 && "a write buffer outlives the memory of its loop");
  trim();
}

void* BlockPool::FreeStack::acquire() {
  void* item = top_ != nullptr ? pop() : ::operator new(item_bytes_);
  ++in_use_;
  return item;
}

void BlockPool::FreeStack::release(void* item) noexcept {
  if (item == nullptr) return;
  assert(in_use_ > 0);
  --in_use_;
  if (free_items_ >= max_free_items_) return ::operator delete(item);

  top_ = ::new (item) FreeItem{top_};
  ++free_items_;
  // The link stays readable: the leak checker does not follow pointers inside poisoned memory.
  poison(static_cast<std::byte*>(item) + sizeof(FreeItem), item_bytes_ - sizeof(FreeItem));
}

void BlockPool::FreeStack::trim() noexcept {
  while (top_ != nullptr) ::operator delete(pop());
}

void* BlockPool::FreeStack::pop() noexcept {
  FreeItem* item = top_;
  top_ = item->next;
  --free_items_;
  unpoison(item, item_bytes_);
  return item;
}

void BlockPool::trim() noexcept {
  blocks_.trim();
  nodes_.trim();
}

}  // namespace tidegate::base
