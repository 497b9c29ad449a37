// See uring_buffers.h.
#include "uring_buffers.h"

#include "bare_sockets.h"
#include "uring_ring.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

/// What we know of a buffer beside its entry in the ring.
struct buffer {
  unsigned place;  // where in the ring it was given last
  unsigned spans;  // not released
  size_t filled;   // how far the kernel has come
  bool is_full;    // the kernel is done with it
};

static struct io_uring_buf_ring* buffer_ring;
static struct buffer* buffers;
static char* memory;
static size_t bytes_each;
static unsigned mask;
static bool is_filled_bit_by_bit;
static unsigned given;  // buffers that the kernel has, as far as completions have told

/// Buffers that go back to the kernel when all completions of this turn have been taken apart.
static uint16_t* released;
static unsigned released_count;

static void* map(size_t size) {
  void* mapped = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) fail("mmap");
  return mapped;
}

void open_buffers(size_t buffer_bytes, unsigned count, bool is_incremental) {
  bytes_each = buffer_bytes;
  mask = count - 1;
  is_filled_bit_by_bit = is_incremental;
  memory = map(count * buffer_bytes);
  buffer_ring = map(count * sizeof(struct io_uring_buf));
  buffers = allocate(count * sizeof *buffers);
  released = allocate(count * sizeof *released);

  struct io_uring_buf_reg registration = {
      .ring_addr = (uint64_t)(uintptr_t)buffer_ring, .ring_entries = count, .bgid = BUFFER_GROUP};
  if (is_incremental) registration.pad = BUFFER_RING_INCREMENTAL;  // `flags` in later headers
  const int result = io_uring_register_buf_ring(&ring, &registration, 0);
  if (result < 0) {
    errno = -result;
    fail("io_uring_register_buf_ring");
  }
  for (unsigned i = 0; i < count; ++i) released[i] = (uint16_t)i;
  released_count = count;
  give_back_buffers();
}

struct delivery open_delivery(const struct io_uring_cqe* cqe) {
  const unsigned id = cqe->flags >> IORING_CQE_BUFFER_SHIFT;
  return (struct delivery){.place = buffers[id].place,
                           .size = cqe->res > 0 ? (size_t)cqe->res : 0,
                           .is_buffer_full = (cqe->flags & CQE_BUFFER_MORE) == 0};
}

bool next_span(struct delivery* delivery, struct span* span) {
  if (delivery->is_over) return false;
  const struct io_uring_buf* entry = &buffer_ring->bufs[delivery->place & mask];
  struct buffer* buffer = &buffers[entry->bid];
  // The kernel may have made an entry shorter than the buffer. An incremental one it shortens as it fills it,
  // and a delivery never runs into the next.
  const size_t size = is_filled_bit_by_bit || delivery->size < entry->len ? delivery->size : entry->len;
  *span = (struct span){
      .bytes = memory + entry->bid * bytes_each + buffer->filled, .size = size, .buffer = entry->bid};
  buffer->filled += size;
  buffer->spans += 1;
  buffer->is_full = delivery->is_buffer_full;
  if (buffer->is_full) given -= 1;
  delivery->place += 1;
  delivery->size -= size;
  delivery->is_over = delivery->size == 0;
  return true;
}

void release_span(const struct span* span) {
  free(span->block);
  if (span->buffer == NO_BUFFER) return;
  struct buffer* buffer = &buffers[span->buffer];
  buffer->spans -= 1;
  if (buffer->spans == 0 && buffer->is_full) released[released_count++] = (uint16_t)span->buffer;
}

unsigned give_back_buffers(void) {
  if (released_count == 0) return given;
  const unsigned tail = buffer_ring->tail;
  for (unsigned i = 0; i < released_count; ++i) {
    const uint16_t id = released[i];
    buffers[id] = (struct buffer){.place = tail + i};
    io_uring_buf_ring_add(buffer_ring, memory + id * bytes_each, (unsigned)bytes_each, id, (int)mask, (int)i);
  }
  io_uring_buf_ring_advance(buffer_ring, (int)released_count);
  given += released_count;
  released_count = 0;
  return given;
}
