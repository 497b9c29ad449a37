// Provided buffers: see buffer_ring.hpp.
#include "kernel/uring/buffer_ring.hpp"

#include <tidegate/error.hpp>

#include "base/lies_in.hpp"
#include "base/poison.hpp"
#include "kernel/uring/uring_flags.hpp"

#include <cerrno>
#include <cstring>
#include <functional>
#include <new>
#include <utility>

#include <sys/mman.h>

namespace tidegate::kernel {

namespace {

/// Filled piece by piece: all of it together stays in the processor's cache, and is there before anybody
/// waits for a page. (Sixteen times as much costs up to 10 % more a message; a quarter of it runs out.)
constexpr unsigned kBuffers = 8;
constexpr unsigned kBufferBytes = 32 * 1024;
/// One delivery each, however small: there must be as many as the kernel delivers in one go, and as many
/// again that are still lent. What lies behind a small delivery is never touched.
constexpr unsigned kWholeBuffers = 128;
constexpr unsigned kWholeBufferBytes = 16 * 1024;

[[noreturn]] void refuse(int error) {
  throw OsError(std::error_code(error, std::system_category()), "io_uring_register_buf_ring");
}

unsigned or_default(unsigned wish, unsigned usual) noexcept { return wish == 0 ? usual : wish; }

}  // namespace

// --- memory ----------------------------------------------------------------------------------------------

Mapping::Mapping(std::size_t bytes, int flags) : bytes_(bytes) {
  void* mapped = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
  if (mapped == MAP_FAILED) throw std::bad_alloc();
  begin_ = mapped;
}

Mapping& Mapping::operator=(Mapping&& other) noexcept {
  std::swap(begin_, other.begin_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

Mapping::~Mapping() {
  if (begin_ == nullptr) return;
  base::unpoison(begin_, bytes_);  // who maps these pages next knows nothing of it
  ::munmap(begin_, bytes_);
}

// --- buffers ---------------------------------------------------------------------------------------------

BufferRing::BufferRing(Ring& ring, const UringOptions& options) : incremental_(options.incremental) {
  if (incremental_) {
    map(or_default(options.buffers, kBuffers), or_default(options.buffer_bytes, kBufferBytes), MAP_POPULATE);
    if (register_with(ring)) return;
    incremental_ = false;
  }
  map(or_default(options.buffers, kWholeBuffers), or_default(options.buffer_bytes, kWholeBufferBytes), 0);
  if (!register_with(ring)) refuse(EINVAL);
}

void BufferRing::map(unsigned buffers, unsigned buffer_bytes, int flags) {
  constexpr std::size_t kPage = 4096;
  const std::size_t memory_offset = (buffers * sizeof(io_uring_buf) + kPage - 1) / kPage * kPage;
  mapping_ = Mapping(memory_offset + std::size_t{buffers} * buffer_bytes, flags);
  entries_ = static_cast<io_uring_buf_ring*>(mapping_.begin());
  memory_ = static_cast<std::byte*>(mapping_.begin()) + memory_offset;
  buffer_bytes_ = buffer_bytes;
  buffers_.assign(buffers, {});
}

/// False where the kernel does not know how to fill buffers as we want it to.
bool BufferRing::register_with(Ring& ring) {
  io_uring_buf_reg registration{};
  registration.ring_addr = reinterpret_cast<std::uintptr_t>(entries_);
  registration.ring_entries = static_cast<std::uint32_t>(buffers_.size());
  registration.bgid = kGroup;
  registration.pad = incremental_ ? kProvideIncrementally : std::uint16_t{0};
  const int outcome = ::io_uring_register_buf_ring(&ring.native(), &registration, 0);
  if (outcome == -EINVAL) return false;
  if (outcome != 0) refuse(-outcome);
  ::io_uring_buf_ring_init(entries_);
  for (std::size_t buffer = 0; buffer < buffers_.size(); ++buffer) {
    if (buffers_[buffer].pieces == 0) provide(static_cast<std::uint16_t>(buffer));
  }
  return true;
}

void BufferRing::move_to(Ring& ring) {
  for (Buffer& buffer : buffers_) buffer.with_kernel = false;
  if (!register_with(ring)) refuse(EINVAL);
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
  return base::lies_in(bytes, {memory_, buffers_.size() * buffer_bytes_});
}

void BufferRing::give_back(const ReceivedPiece& piece) noexcept {
  Buffer& buffer = buffers_[piece.buffer];
  base::poison(piece.data, piece.size);
  if (--buffer.pieces == 0 && !buffer.with_kernel) provide(piece.buffer);
}

}  // namespace tidegate::kernel
