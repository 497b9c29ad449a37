// Memory for small objects of one size that come and go quickly: freed ones are kept for the next, per
// thread. Knows nothing of what they are.
#pragma once

#include <cstddef>
#include <new>

namespace tidegate::base {

/// Gives memory for objects of type T, through their class's operator new and delete.
///
/// Per thread rather than per loop, because a receipt for a callback may be dropped after its loop has gone,
/// or elsewhere.
template <typename T>
class ThreadCache {
 public:
  [[nodiscard]] static void* allocate() {
    if (free_ == nullptr) return ::operator new(kBlockBytes);
    Free* block = free_;
    free_ = block->next;
    --count_;
    return block;
  }

  static void deallocate(void* memory) noexcept {
    // `sweeper_` empties the cache when the thread ends; what is freed after that goes straight back.
    if (count_ >= kMostKept || !sweeper_.keeps()) {
      ::operator delete(memory);
      return;
    }
    free_ = ::new (memory) Free{free_};
    ++count_;
  }

 private:
  static constexpr std::size_t kMostKept = 1024;

  struct Free {
    Free* next;
  };

  static constexpr std::size_t kBlockBytes = sizeof(T) > sizeof(Free) ? sizeof(T) : sizeof(Free);

  struct Sweeper {
    bool keeps() noexcept { return !ended_; }
    ~Sweeper() {
      ended_ = true;
      while (free_ != nullptr) {
        Free* next = free_->next;
        ::operator delete(static_cast<void*>(free_));
        free_ = next;
      }
    }
  };

  static inline thread_local Free* free_ = nullptr;
  static inline thread_local std::size_t count_ = 0;
  static inline thread_local bool ended_ = false;
  static inline thread_local Sweeper sweeper_;
};

}  // namespace tidegate::base
