// System calls on pipes and terminals: see file_calls.hpp.
#include "kernel/file_calls.hpp"

#include "base/pipe_signal_blocked.hpp"

#include <array>
#include <cerrno>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace tidegate::kernel {

namespace {

// Linux 6.18; the headers of most systems do not know it yet.
constexpr int kNoSignal = 0x100;  // RWF_NOSIGNAL
constexpr off_t kPresentPosition = -1;

std::ptrdiff_t write_without_signal(FileDescriptor descriptor, std::span<const iovec> pieces) noexcept {
  for (;;) {
    const std::ptrdiff_t count = ::pwritev2(descriptor.number, pieces.data(), static_cast<int>(pieces.size()),
                                            kPresentPosition, kNoSignal);
    if (count >= 0) return count;
    if (errno != EINTR) return -errno;
  }
}

/// Tried once on a pipe of our own. Where even that can't be had, the answer is no.
bool kernel_writes_without_signal() noexcept {
  std::array<int, 2> ends{-1, -1};
  if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) return false;
  char byte = 0;
  const iovec piece{.iov_base = &byte, .iov_len = 1};
  const bool taken = write_without_signal(FileDescriptor{ends[1]}, {&piece, 1}) == 1;
  ::close(ends[0]);
  ::close(ends[1]);
  return taken;
}

std::ptrdiff_t write_with_signal_blocked(FileDescriptor descriptor, std::span<const iovec> pieces) noexcept {
  base::PipeSignalBlocked signal;
  for (;;) {
    const std::ptrdiff_t count = ::writev(descriptor.number, pieces.data(), static_cast<int>(pieces.size()));
    if (count >= 0) return count;
    if (errno == EINTR) continue;
    const int error = errno;
    signal.may_be_raised = error == EPIPE;
    return -error;
  }
}

}  // namespace

std::ptrdiff_t read_now(FileDescriptor descriptor, MutableBytesView memory) noexcept {
  for (;;) {
    const std::ptrdiff_t count = ::read(descriptor.number, memory.data(), memory.size());
    if (count >= 0) return count;
    if (errno == EIO) return 0;
    if (errno != EINTR) return -errno;
  }
}

std::ptrdiff_t write_now(FileDescriptor descriptor, std::span<const iovec> pieces) noexcept {
  static const bool without_signal = kernel_writes_without_signal();
  if (without_signal) {
    const std::ptrdiff_t count = write_without_signal(descriptor, pieces);
    if (count != -EOPNOTSUPP) return count;  // a driver that does not take the flag
  }
  return write_with_signal_blocked(descriptor, pieces);
}

bool has_input(FileDescriptor descriptor) noexcept {
  pollfd looked_at{.fd = descriptor.number, .events = POLLIN, .revents = 0};
  return ::poll(&looked_at, 1, 0) == 1;
}

}  // namespace tidegate::kernel
