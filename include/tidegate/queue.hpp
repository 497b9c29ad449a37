// Queues between tasks. Knows its items only as something to move.
#pragma once

#include <tidegate/detail/waiting.hpp>
#include <tidegate/error.hpp>
#include <tidegate/event.hpp>
#include <tidegate/task.hpp>

#include <cstddef>
#include <deque>
#include <memory>
#include <stdexcept>
#include <utility>

namespace tidegate {

/// `Queue::put_nowait` found no room.
class QueueFull : public std::runtime_error {
 public:
  QueueFull() : std::runtime_error("the queue is full") {}
};

/// `Queue::get_nowait` found nothing.
class QueueEmpty : public std::runtime_error {
 public:
  QueueEmpty() : std::runtime_error("the queue is empty") {}
};

/// First in, first out, between tasks: asyncio's `Queue`. With a greatest size, who puts waits while it is
/// full. A task that is cancelled while it waits neither loses an item nor keeps another task from going on.
///
/// Lifetime: may go while tasks wait; those wait for ever then.
/// Thread: that of the loop whose tasks wait.
template <typename T>
class Queue {
 public:
  /// `maxsize` 0: no limit.
  explicit Queue(std::size_t maxsize = 0) : state_(std::make_shared<State>(maxsize)) {}
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;

  /// The greatest size; 0: none.
  [[nodiscard]] std::size_t maxsize() const noexcept { return state_->maxsize; }
  /// How many items are in it.
  [[nodiscard]] std::size_t size() const noexcept { return state_->items.size(); }
  [[nodiscard]] bool empty() const noexcept { return state_->items.empty(); }
  /// Whether `put` would wait; never without a limit.
  [[nodiscard]] bool full() const noexcept { return state_->full(); }

  /// Adds an item, once there is room.
  [[nodiscard]] Task<void> put(T item) { return put_into(state_, std::move(item)); }
  /// Adds an item. Throws QueueFull where there is no room.
  void put_nowait(T item) { state_->push(std::move(item)); }
  /// Takes the oldest item, once there is one.
  [[nodiscard]] Task<T> get() { return get_from(state_); }
  /// Takes the oldest item. Throws QueueEmpty where there is none.
  [[nodiscard]] T get_nowait() { return state_->pop(); }

  /// One item that was taken is dealt with. Throws InvalidStateError where that was said of all of them
  /// already.
  void task_done() {
    if (state_->unfinished == 0) throw InvalidStateError("task_done() called too many times");
    if (--state_->unfinished == 0) state_->finished.set();
  }
  /// Returns once `task_done` was called for every item that was put.
  [[nodiscard]] Task<void> join() { return state_->finished.wait(); }

 private:
  struct State {
    explicit State(std::size_t limit) : maxsize(limit) { finished.set(); }

    [[nodiscard]] bool full() const noexcept { return maxsize > 0 && items.size() >= maxsize; }

    void push(T item) {
      if (full()) throw QueueFull();
      items.push_back(std::move(item));
      ++unfinished;
      finished.clear();
      getters.wake_next();
    }

    T pop() {
      if (items.empty()) throw QueueEmpty();
      T item = std::move(items.front());
      items.pop_front();
      putters.wake_next();
      return item;
    }

    const std::size_t maxsize;
    std::deque<T> items;
    std::size_t unfinished = 0;
    Event finished;
    detail::WaiterList getters;
    detail::WaiterList putters;
  };

  static Task<void> put_into(std::shared_ptr<State> state, T item) {
    while (state->full()) {
      const detail::Waiter waiter(state->putters);
      try {
        co_await waiter.future();
      } catch (...) {
        // Woken and cancelled in the same iteration: the room goes to the next in line.
        if (!state->full() && !waiter.future().cancelled()) state->putters.wake_next();
        throw;
      }
    }
    state->push(std::move(item));
  }

  static Task<T> get_from(std::shared_ptr<State> state) {
    while (state->items.empty()) {
      const detail::Waiter waiter(state->getters);
      try {
        co_await waiter.future();
      } catch (...) {
        // Woken and cancelled in the same iteration: the item goes to the next in line.
        if (!state->items.empty() && !waiter.future().cancelled()) state->getters.wake_next();
        throw;
      }
    }
    co_return state->pop();
  }

  std::shared_ptr<State> state_;  // waiting coroutines hold a share
};

}  // namespace tidegate
