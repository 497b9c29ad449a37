// Bytes on their way, first in first out, in a ring that grows. Knows nothing of who sends or receives.
#pragma once

#include <cstddef>
#include <memory>

#include <sys/socket.h>

namespace tidegate::kernel::sim {

/// How many bytes a message has, or has room for.
[[nodiscard]] std::size_t bytes_of(const msghdr& message) noexcept;

class ByteQueue {
 public:
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  /// The first `count` bytes of a message. Throws std::bad_alloc; nothing has changed then.
  void append(const msghdr& message, std::size_t count);
  /// The first `count` bytes, which stay, to where the message says. REQUIRES: both have as many.
  void copy_to(const msghdr& message, std::size_t count) const noexcept;
  void drop_front(std::size_t count) noexcept;
  void drop_back(std::size_t count) noexcept { size_ -= count; }

 private:
  void make_room(std::size_t count);

  std::unique_ptr<std::byte[]> bytes_;
  std::size_t capacity_ = 0;  // 0 or a power of two
  std::size_t front_ = 0;
  std::size_t size_ = 0;
};

}  // namespace tidegate::kernel::sim
