// Provided buffers: see buffer_ring.hpp.
#include "kernel/uring/buffer_ring.hpp"

#include <tidegate/error.hpp>

#include "base/poison.hpp"
#include "kernel/uring/uring_flags.hpp"

#include <cerrno>
#include <cstring>
#include <functional>
#include <new>

#include <sys/mman.h>

namespace tidegate::kernel {

BufferRing::BufferRing(Ring& ring, const UringOptions& options)
    : buffers_(options.buffers), buffer_bytes_(options.buffer_bytes), incremental_(options.incremental) {
  const std::size_t entries_bytes = options.buffers * sizeof(io_uring_buf);
  constexpr std::size_t kPage = 4096;
  const std::size_t memory_offset = (entries_bytes + kPage - 1) / kPage * kPage;
  mapped_bytes_ = memory_offset + options.buffers * buffer_bytes_;
  // Pages that are never received into cost nothing.
  void* mapped = ::mmap(nullptr, mapped_bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) throw std::bad_alloc();
  entries_ = static_cast<io_uring_buf_ring*>(mapped);
  memory_ = static_cast<std::byte*>(mapped) + memory_offset;
  try {
    register_with(ring);
  } catch (...) {
    ::munmap(mapped, mapped_bytes_);
    throw;
  }
}

BufferRing::~BufferRing() {
  base::unpoison(memory_, buffers_.size() * buffer_bytes_);
  ::munmap(entries_, mapped_bytes_);
}

void BufferRing::register_with(Ring& ring) {
  io_uring_buf_reg registration{};
  registration.ring_addr = reinterpret_cast<std::uintptr_t>(entries_);
  registration.ring_entries = static_cast<std::uint32_t>(buffers_.size());
  registration.bgid = kGroup;
  registration.pad = incremental_ ? kProvideIncrementally : std::uint16_t{0};
  int outcome = ::io_uring_register_buf_ring(&ring.native(), &registration, 0);
  if (outcome == -EINVAL && incremental_) {
    incremental_ = false;
    registration.pad = 0;
    outcome = ::io_uring_register_buf_ring(&ring.native(), &registration, 0);
  }
  if (outcome != 0)
    throw OsError(std::error_code(-outcome, std::system_category()), "io_uring_register_buf_ring");
  ::io_uring_buf_ring_init(entries_);
  for (std::size_t buffer = 0; buffer < buffers_.size(); ++buffer) {
    if (buffers_[buffer].pieces == 0) provide(static_cast<std::uint16_t>(buffer));
  }
}

void BufferRing::move_to(Ring& ring) {
  for (Buffer& buffer : buffers_) buffer.with_kernel = false;
  register_with(ring);
}

void BufferRing::provide(std::uint16_t buffer) noexcept {
  buffers_[buffer] = {.filled = 0, .pieces = 0, .with_kernel = true};
  base::poison(memory_of(buffer), buffer_bytes_);
  ::io_uring_buf_ring_add(entries_, memory_of(buffer), static_cast<unsigned>(buffer_bytes_), buffer,
                          ::io_uring_buf_ring_mask(static_cast<std::uint32_t>(buffers_.size())), 0);
  ::io_uring_buf_ring_advance(entries_, 1);
}

ReceivedPiece BufferRing::piece_of(const Completion& completion) noexcept {
  if ((completion.flags & IORING_CQE_F_BUFFER) == 0) return {};
  const auto number = static_cast<std::uint16_t>(completion.flags >> IORING_CQE_BUFFER_SHIFT);
  const auto size = static_cast<std::uint32_t>(completion.result > 0 ? completion.result : 0);
  Buffer& buffer = buffers_[number];
  const ReceivedPiece piece{memory_of(number) + buffer.filled, size, number};
  base::unpoison(piece.data, size);
  buffer.filled += size;
  buffer.with_kernel = incremental_ && (completion.flags & kBufferHasMore) != 0;
  ++buffer.pieces;
  return piece;
}

bool BufferRing::holds(BytesView bytes) const noexcept {
  const std::less_equal<> not_after;  // the pointers may be of different arrays
  return not_after(memory_, bytes.data()) &&
         not_after(bytes.data() + bytes.size(), memory_ + buffers_.size() * buffer_bytes_);
}

void BufferRing::give_back(const ReceivedPiece& piece) noexcept {
  Buffer& buffer = buffers_[piece.buffer];
  base::poison(piece.data, piece.size);
  if (--buffer.pieces == 0 && !buffer.with_kernel) provide(piece.buffer);
}

}  // namespace tidegate::kernel
