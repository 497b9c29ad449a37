// A doubly linked list of objects that carry their own links. Knows nothing of who owns the objects.
#pragma once

#include <cstddef>
#include <iterator>
#include <type_traits>

namespace tidegate::base {

template <typename T, typename Tag>
class IntrusiveList;

/// What an object derives from, publicly, to stand in a list; once per list that it can stand in, told apart
/// by `Tag`. It is neither copied nor moved, for its address is what its neighbours hold, and it leaves its
/// list when it is destroyed.
///
/// Thread: all nodes of a list belong to one thread.
template <typename Tag>
class ListNode {
 public:
  ListNode() noexcept : previous_(this), next_(this) {}
  ListNode(const ListNode&) = delete;
  ListNode& operator=(const ListNode&) = delete;
  ~ListNode() { unlink(); }

  /// Leaves its list, in O(1), without knowing which one it is. Does nothing for one that stands in none.
  void unlink() noexcept {
    previous_->next_ = next_;
    next_->previous_ = previous_;
    previous_ = this;
    next_ = this;
  }

  [[nodiscard]] bool is_linked() const noexcept { return next_ != this; }

 private:
  template <typename T, typename ListTag>
  friend class IntrusiveList;

  void link_before(ListNode& position) noexcept {
    previous_ = position.previous_;
    next_ = &position;
    previous_->next_ = this;
    position.previous_ = this;
  }

  // Circular, a lone node pointing to itself: neither linking nor unlinking has a case to tell apart.
  ListNode* previous_;
  ListNode* next_;
};

/// A list of `T`s, which derive from ListNode<Tag>. It owns none of them: when it ends they stand in no list.
///
/// An iterator stays valid until its own element leaves; an element that is to leave during a walk is stepped
/// over first.
template <typename T, typename Tag = T>
class IntrusiveList {
  using Node = ListNode<Tag>;

 public:
  class Iterator {
   public:
    using iterator_category = std::bidirectional_iterator_tag;
    using value_type = T;
    using difference_type = std::ptrdiff_t;
    using pointer = T*;
    using reference = T&;

    Iterator() noexcept = default;

    [[nodiscard]] T& operator*() const noexcept { return element(*node_); }
    [[nodiscard]] T* operator->() const noexcept { return &element(*node_); }
    Iterator& operator++() noexcept {
      node_ = node_->next_;
      return *this;
    }
    Iterator operator++(int) noexcept {
      const Iterator before = *this;
      ++*this;
      return before;
    }
    Iterator& operator--() noexcept {
      node_ = node_->previous_;
      return *this;
    }
    Iterator operator--(int) noexcept {
      const Iterator before = *this;
      --*this;
      return before;
    }
    friend bool operator==(Iterator, Iterator) noexcept = default;

   private:
    friend class IntrusiveList;
    explicit Iterator(Node* node) noexcept : node_(node) {}
    Node* node_ = nullptr;
  };

  IntrusiveList() noexcept = default;
  IntrusiveList(const IntrusiveList&) = delete;
  IntrusiveList& operator=(const IntrusiveList&) = delete;
  ~IntrusiveList() { clear(); }

  [[nodiscard]] bool empty() const noexcept { return !head_.is_linked(); }
  /// REQUIRES: not empty.
  [[nodiscard]] T& front() const noexcept { return element(*head_.next_); }
  /// REQUIRES: not empty.
  [[nodiscard]] T& back() const noexcept { return element(*head_.previous_); }

  /// An element that stands in a list already, this one or another, leaves it first.
  void push_back(T& element) noexcept { insert_before(head_, element); }
  void push_front(T& element) noexcept { insert_before(*head_.next_, element); }

  /// Takes the first element out; null where there is none.
  [[nodiscard]] T* pop_front() noexcept {
    if (empty()) return nullptr;
    T& first = front();
    static_cast<Node&>(first).unlink();
    return &first;
  }

  /// Puts all elements of `other` at the end, in their order, in O(1). `other` is empty then.
  void splice_back(IntrusiveList& other) noexcept {
    if (&other == this || other.empty()) return;
    Node* first = other.head_.next_;
    Node* last = other.head_.previous_;
    other.head_.next_ = &other.head_;
    other.head_.previous_ = &other.head_;
    first->previous_ = head_.previous_;
    head_.previous_->next_ = first;
    last->next_ = &head_;
    head_.previous_ = last;
  }

  /// Every element leaves.
  void clear() noexcept {
    while (pop_front() != nullptr) {
    }
  }

  [[nodiscard]] Iterator begin() noexcept { return Iterator(head_.next_); }
  [[nodiscard]] Iterator end() noexcept { return Iterator(&head_); }

 private:
  static T& element(Node& node) noexcept {
    static_assert(std::is_base_of_v<Node, T>, "elements derive from ListNode<Tag>");
    return static_cast<T&>(node);
  }

  static void insert_before(Node& position, T& element) noexcept {
    Node& node = element;
    if (&node == &position) return;
    node.unlink();
    node.link_before(position);
  }

  Node head_;
};

}  // namespace tidegate::base
