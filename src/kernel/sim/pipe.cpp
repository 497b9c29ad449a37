// Reading from and writing to a pipe: see pipe.hpp.
#include "kernel/sim/pipe.hpp"

#include "kernel/sim/environment.hpp"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <new>
#include <utility>

#include <poll.h>

namespace tidegate::kernel::sim {

namespace {

constexpr std::size_t kPageBytes = 4096;  // and PIPE_BUF: what is no more is written whole or not at all
constexpr std::size_t kMostBytes = std::size_t{1024} * 1024;  // pipe-max-size

}  // namespace

PipeEnd::PipeEnd(Environment& environment, std::shared_ptr<Pipe> pipe, Kind kind) noexcept
    : environment_(environment), pipe_(std::move(pipe)), name_(environment.new_name()), kind_(kind) {}

std::ptrdiff_t PipeEnd::receive(msghdr& message, int /*flags*/) noexcept {
  if (!is_read_end()) return -EBADF;
  message.msg_namelen = 0;
  message.msg_controllen = 0;
  message.msg_flags = 0;
  const std::size_t asked_for = bytes_of(message);
  if (asked_for == 0) return 0;
  if (pipe_->bytes.size() == 0) return pipe_->has_writer ? -EAGAIN : 0;
  const std::size_t count = environment_.transfer_of(std::min(asked_for, pipe_->bytes.size()));
  pipe_->bytes.copy_to(message, count);
  pipe_->bytes.drop_front(count);
  environment_.note("reads", name_, static_cast<std::int64_t>(count));
  return static_cast<std::ptrdiff_t>(count);
}

std::ptrdiff_t PipeEnd::send(const msghdr& message) noexcept {
  if (is_read_end()) return -EBADF;
  const std::size_t asked_for = bytes_of(message);
  if (asked_for == 0) return 0;
  if (!pipe_->has_reader) return -EPIPE;
  const std::size_t room = pipe_->capacity - pipe_->bytes.size();
  const bool is_atomic = asked_for <= kPageBytes;
  if (room == 0 || (is_atomic && room < asked_for)) return -EAGAIN;
  const std::size_t count = is_atomic ? asked_for : environment_.transfer_of(std::min(room, asked_for));
  try {
    pipe_->bytes.append(message, count);
  } catch (const std::bad_alloc&) {
    return -ENOMEM;
  }
  environment_.note("writes", name_, static_cast<std::int64_t>(count));
  return static_cast<std::ptrdiff_t>(count);
}

short PipeEnd::poll() const noexcept {
  if (is_read_end()) {
    const int readable = pipe_->bytes.size() > 0 ? POLLIN : 0;
    return static_cast<short>(readable | (pipe_->has_writer ? 0 : POLLHUP));
  }
  const int writable = pipe_->capacity - pipe_->bytes.size() >= kPageBytes ? POLLOUT : 0;
  return static_cast<short>(writable | (pipe_->has_reader ? 0 : POLLERR));
}

void PipeEnd::close() noexcept {
  (is_read_end() ? pipe_->has_reader : pipe_->has_writer) = false;
  environment_.note("is closed", name_);
}

int PipeEnd::set_capacity(int bytes) noexcept {
  if (bytes < 0) return -EINVAL;
  const std::size_t capacity = std::bit_ceil(std::max(kPageBytes, static_cast<std::size_t>(bytes)));
  if (capacity > kMostBytes) return -EPERM;
  if (capacity < pipe_->bytes.size()) return -EBUSY;
  pipe_->capacity = capacity;
  return static_cast<int>(capacity);
}

}  // namespace tidegate::kernel::sim
