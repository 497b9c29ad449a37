// The wrappers around system calls that the linker puts in place (target.cmake), and the replaced operator
// new.
#include "budget/meters.hpp"

#include "budget/peer.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <new>
#include <utility>

#ifdef TIDEGATE_HAS_IO_URING
#include <liburing.h>
#endif
#include <malloc.h>
#include <sys/epoll.h>
#include <sys/socket.h>

namespace tidegate::budget {

namespace {

CallCounts call_counts;
Fault present_fault;
thread_local MemoryCounts memory_counts;
thread_local int uncounted_depth = 0;

/// True where the call is to fail; errno is set then.
bool fails(Attempt& attempt) {
  if (!present_fault) return false;
  const Fault fault = present_fault;  // it may end itself
  const int error = fault(attempt);
  if (error == 0) return false;
  errno = error;
  return true;
}

}  // namespace

CallCounts& calls() noexcept { return call_counts; }

FaultInjection::FaultInjection(Fault fault) { present_fault = std::move(fault); }
FaultInjection::~FaultInjection() { present_fault = nullptr; }

MemoryCounts memory() noexcept { return memory_counts; }
Uncounted::Uncounted() noexcept { ++uncounted_depth; }
Uncounted::~Uncounted() { --uncounted_depth; }

namespace {

/// What a block costs: its usable size, and the word in front of it.
std::ptrdiff_t cost_of(void* block) noexcept {
  return static_cast<std::ptrdiff_t>(::malloc_usable_size(block) + sizeof(std::size_t));
}

void* allocate(std::size_t size, std::size_t alignment) {
  void* block = nullptr;
  if (alignment <= alignof(std::max_align_t)) {
    block = std::malloc(std::max<std::size_t>(size, 1));
  } else {
    block = std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
  }
  if (block == nullptr) throw std::bad_alloc();
  if (uncounted_depth == 0) {
    ++memory_counts.allocations;
    memory_counts.live_bytes += cost_of(block);
  }
  return block;
}

void deallocate(void* block) noexcept {
  if (block == nullptr) return;
  if (uncounted_depth == 0) memory_counts.live_bytes -= cost_of(block);
  std::free(block);
}

}  // namespace
}  // namespace tidegate::budget

// --- operator new ------------------------------------------------------------------------------------------

using tidegate::budget::allocate;
using tidegate::budget::deallocate;

void* operator new(std::size_t size) { return allocate(size, 1); }
void* operator new[](std::size_t size) { return allocate(size, 1); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return allocate(size, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
  return allocate(size, static_cast<std::size_t>(alignment));
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept try {
  return allocate(size, 1);
} catch (...) {
  return nullptr;
}
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept try {
  return allocate(size, 1);
} catch (...) {
  return nullptr;
}
void operator delete(void* block) noexcept { deallocate(block); }
void operator delete[](void* block) noexcept { deallocate(block); }
void operator delete(void* block, std::size_t) noexcept { deallocate(block); }
void operator delete[](void* block, std::size_t) noexcept { deallocate(block); }
void operator delete(void* block, std::align_val_t) noexcept { deallocate(block); }
void operator delete[](void* block, std::align_val_t) noexcept { deallocate(block); }
void operator delete(void* block, std::size_t, std::align_val_t) noexcept { deallocate(block); }
void operator delete[](void* block, std::size_t, std::align_val_t) noexcept { deallocate(block); }
void operator delete(void* block, const std::nothrow_t&) noexcept { deallocate(block); }
void operator delete[](void* block, const std::nothrow_t&) noexcept { deallocate(block); }

// --- system calls ------------------------------------------------------------------------------------------

using tidegate::budget::Attempt;
using tidegate::budget::Call;
using tidegate::budget::calls;

extern "C" {

int __real_epoll_ctl(int epoll, int action, int descriptor, epoll_event* event);
int __real_epoll_wait(int epoll, epoll_event* events, int most, int milliseconds);
int __real_epoll_pwait2(int epoll, epoll_event* events, int most, const timespec* limit,
                        const sigset_t* mask);

int __wrap_epoll_ctl(int epoll, int action, int descriptor, epoll_event* event) {
  ++calls().epoll_ctl;
  Attempt attempt{Call::epoll_ctl, descriptor, 0, action};
  return tidegate::budget::fails(attempt) ? -1 : __real_epoll_ctl(epoll, action, descriptor, event);
}

int __wrap_epoll_wait(int epoll, epoll_event* events, int most, int milliseconds) {
  ++calls().wait;
  Attempt attempt{Call::wait, epoll, 0, 0};
  return tidegate::budget::fails(attempt) ? -1 : __real_epoll_wait(epoll, events, most, milliseconds);
}

int __wrap_epoll_pwait2(int epoll, epoll_event* events, int most, const timespec* limit,
                        const sigset_t* mask) {
  ++calls().wait;
  Attempt attempt{Call::wait, epoll, 0, 0};
  return tidegate::budget::fails(attempt) ? -1 : __real_epoll_pwait2(epoll, events, most, limit, mask);
}

ssize_t __wrap_send(int descriptor, const void* data, std::size_t size, int flags) {
  ++calls().send;
  Attempt attempt{Call::send, descriptor, size, 0};
  return tidegate::budget::fails(attempt) ? -1 : __real_send(descriptor, data, attempt.size_bytes, flags);
}

ssize_t __wrap_sendmsg(int descriptor, const msghdr* message, int flags) {
  ++calls().send;
  std::size_t size = 0;
  for (std::size_t index = 0; index < message->msg_iovlen; ++index) size += message->msg_iov[index].iov_len;
  Attempt attempt{Call::send, descriptor, size, 0};
  if (tidegate::budget::fails(attempt)) return -1;
  if (attempt.size_bytes == size) return __real_sendmsg(descriptor, message, flags);

  // Fewer bytes: the first pieces, the last of them cut.
  std::array<iovec, 1024> pieces;
  msghdr shorter = *message;
  shorter.msg_iov = pieces.data();
  shorter.msg_iovlen = 0;
  for (std::size_t left = attempt.size_bytes, index = 0; left > 0 && index < message->msg_iovlen; ++index) {
    iovec piece = message->msg_iov[index];
    piece.iov_len = std::min(piece.iov_len, left);
    left -= piece.iov_len;
    pieces[shorter.msg_iovlen++] = piece;
  }
  return __real_sendmsg(descriptor, &shorter, flags);
}

ssize_t __wrap_recv(int descriptor, void* memory, std::size_t size, int flags) {
  ++calls().receive;
  Attempt attempt{Call::receive, descriptor, size, 0};
  return tidegate::budget::fails(attempt) ? -1 : __real_recv(descriptor, memory, attempt.size_bytes, flags);
}

ssize_t __real_sendfile(int to, int from, off_t* offset, std::size_t size);

ssize_t __wrap_sendfile(int to, int from, off_t* offset, std::size_t size) {
  ++calls().send_file;
  Attempt attempt{Call::send_file, to, size, 0};
  return tidegate::budget::fails(attempt) ? -1 : __real_sendfile(to, from, offset, attempt.size_bytes);
}

ssize_t __wrap_sendto(int descriptor, const void* data, std::size_t size, int flags, const sockaddr* address,
                      socklen_t length) {
  ++calls().send_datagrams;
  Attempt attempt{
      .call = Call::send_datagrams, .descriptor = descriptor, .size_bytes = size, .action = 0, .messages = 1};
  if (tidegate::budget::fails(attempt)) return -1;
  return __real_sendto(descriptor, data, size, flags, address, length);
}

int __wrap_sendmmsg(int descriptor, mmsghdr* messages, unsigned count, int flags) {
  ++calls().send_datagrams;
  Attempt attempt{.call = Call::send_datagrams,
                  .descriptor = descriptor,
                  .size_bytes = 0,
                  .action = 0,
                  .messages = count,
                  .begins_with_train = messages[0].msg_hdr.msg_controllen > 0};  // its UDP_SEGMENT
  if (tidegate::budget::fails(attempt)) return -1;
  return __real_sendmmsg(descriptor, messages, static_cast<unsigned>(attempt.messages), flags);
}

int __wrap_recvmmsg(int descriptor, mmsghdr* messages, unsigned count, int flags, timespec* limit) {
  ++calls().receive_datagrams;
  Attempt attempt{.call = Call::receive_datagrams, .descriptor = descriptor, .size_bytes = 0, .action = 0};
  if (tidegate::budget::fails(attempt)) return -1;
  return __real_recvmmsg(descriptor, messages, count, flags, limit);
}

int __wrap_accept4(int descriptor, sockaddr* address, socklen_t* length, int flags) {
  ++calls().accept;
  Attempt attempt{Call::accept, descriptor, 0, 0};
  return tidegate::budget::fails(attempt) ? -1 : __real_accept4(descriptor, address, length, flags);
}

int __wrap_connect(int descriptor, const sockaddr* address, socklen_t length) {
  ++calls().connect;
  Attempt attempt{Call::connect, descriptor, 0, 0};
  return tidegate::budget::fails(attempt) ? -1 : __real_connect(descriptor, address, length);
}

#ifdef TIDEGATE_HAS_IO_URING
int __real_io_uring_submit(io_uring* ring);
int __real_io_uring_submit_and_get_events(io_uring* ring);
int __real_io_uring_submit_and_wait(io_uring* ring, unsigned count);
int __real_io_uring_submit_and_wait_timeout(io_uring* ring, io_uring_cqe** first, unsigned count,
                                            __kernel_timespec* limit, sigset_t* mask);

int __wrap_io_uring_submit(io_uring* ring) {
  ++calls().enter;
  return __real_io_uring_submit(ring);
}

int __wrap_io_uring_submit_and_get_events(io_uring* ring) {
  ++calls().enter;
  return __real_io_uring_submit_and_get_events(ring);
}

int __wrap_io_uring_submit_and_wait(io_uring* ring, unsigned count) {
  ++calls().enter;
  return __real_io_uring_submit_and_wait(ring, count);
}

int __wrap_io_uring_submit_and_wait_timeout(io_uring* ring, io_uring_cqe** first, unsigned count,
                                            __kernel_timespec* limit, sigset_t* mask) {
  ++calls().enter;
  return __real_io_uring_submit_and_wait_timeout(ring, first, count, limit, mask);
}
#endif

}  // extern "C"
