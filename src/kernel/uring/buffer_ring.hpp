// The memory that a ring receives into, lent out piece by piece. Knows nothing of who receives.
#pragma once

#include <tidegate/bytes.hpp>

#include "kernel/uring/ring.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace tidegate::kernel {

/// A piece of received memory; it stays as it is until it is given back.
struct ReceivedPiece {
  std::byte* data = nullptr;
  std::uint32_t size = 0;
  std::uint16_t buffer = 0;

  [[nodiscard]] BytesView bytes() const noexcept { return {data, size}; }
  [[nodiscard]] bool empty() const noexcept { return data == nullptr; }
};

/// Pages of our own.
class Mapping {
 public:
  Mapping() noexcept = default;
  /// With mmap's `flags` besides the usual. Throws std::bad_alloc.
  Mapping(std::size_t bytes, int flags);
  Mapping& operator=(Mapping&& other) noexcept;
  ~Mapping();

  [[nodiscard]] void* begin() const noexcept { return begin_; }

 private:
  void* begin_ = nullptr;
  std::size_t bytes_ = 0;
};

/// Buffers that the kernel fills in the order in which they are provided. One belongs to the kernel until a
/// completion says that it has done with it, and returns to it when every piece of it has been given back.
/// What belongs to the kernel is poisoned in builds with AddressSanitizer.
///
/// Which piece a completion means is resolved when it is taken from the ring, in the kernel's order: pieces
/// come back in any other.
class BufferRing {
 public:
  static constexpr int kGroup = 0;

  /// Provides the buffers to `ring`. Throws OsError, std::bad_alloc.
  BufferRing(Ring& ring, const UringOptions& options);
  BufferRing(const BufferRing&) = delete;
  BufferRing& operator=(const BufferRing&) = delete;
  /// REQUIRES: nothing is received into it any more.
  ~BufferRing() = default;

  /// The piece of a completion; an empty one where it has none.
  [[nodiscard]] ReceivedPiece piece_of(const Completion& completion) noexcept;
  void give_back(const ReceivedPiece& piece) noexcept;
  /// Whether these bytes lie in one of the buffers.
  [[nodiscard]] bool holds(BytesView bytes) const noexcept;

  /// Provides everything that is not lent to another ring, for the one that it was provided to has gone.
  /// Throws OsError.
  void move_to(Ring& ring);

 private:
  struct Buffer {
    std::uint32_t filled = 0;  // where the next piece begins
    std::uint32_t pieces = 0;  // lent
    bool with_kernel = false;
  };

  [[nodiscard]] std::byte* memory_of(std::uint16_t buffer) const noexcept {
    return memory_ + std::size_t{buffer} * buffer_bytes_;
  }
  void map(unsigned buffers, unsigned buffer_bytes, int flags);
  [[nodiscard]] bool register_with(Ring& ring);
  void provide(std::uint16_t buffer) noexcept;

  bool incremental_;
  Mapping mapping_;
  io_uring_buf_ring* entries_ = nullptr;
  std::byte* memory_ = nullptr;
  std::size_t buffer_bytes_ = 0;
  std::vector<Buffer> buffers_;
};

}  // namespace tidegate::kernel
