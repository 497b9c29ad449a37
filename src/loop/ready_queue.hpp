// The ready queue: what runs next, first in first out. Pure: it knows neither loop nor time.
#pragma once

#include <tidegate/detail/ready.hpp>

#include <cstddef>
#include <utility>

namespace tidegate::detail {

/// A queue of nodes that are linked in, so that queueing never allocates and never fails.
class ReadyQueue {
 public:
  ReadyQueue() noexcept = default;
  ReadyQueue(const ReadyQueue&) = delete;
  ReadyQueue& operator=(const ReadyQueue&) = delete;

  [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  void push(ReadyNode& node) noexcept {
    node.next_ = nullptr;
    if (last_ != nullptr) {
      last_->next_ = &node;
    } else {
      first_ = &node;
    }
    last_ = &node;
    ++size_;
  }

  /// The oldest one, taken out. REQUIRES: not empty.
  [[nodiscard]] ReadyNode& pop() noexcept {
    ReadyNode& node = *first_;
    first_ = std::exchange(node.next_, nullptr);
    if (first_ == nullptr) last_ = nullptr;
    --size_;
    return node;
  }

  /// Calls `visit` with each, in order. The queue must not change meanwhile.
  template <typename Visit>
  void for_each(const Visit& visit) const {
    for (ReadyNode* node = first_; node != nullptr; node = node->next_) visit(*node);
  }

  /// Puts all of `other` behind what is here.
  void append(ReadyQueue& other) noexcept {
    if (other.empty()) return;
    (last_ != nullptr ? last_->next_ : first_) = other.first_;
    last_ = other.last_;
    size_ += other.size_;
    other.first_ = nullptr;
    other.last_ = nullptr;
    other.size_ = 0;
  }

 private:
  ReadyNode* first_ = nullptr;
  ReadyNode* last_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace tidegate::detail
