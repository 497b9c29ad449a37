// The calls on sockets and pipes that setting up, asking and testing them makes: the system's, or those of
// the simulated network that a descriptor belongs to. What moves bytes on a live connection is the kernel
// layer's.
#pragma once

#include <tidegate/descriptor.hpp>

#include "base/simulated_descriptors.hpp"

#include <cerrno>
#include <cstddef>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

namespace tidegate::net::call {

// Each as the system call of its name: a result of at least 0, or -1 and errno.

namespace detail {

template <typename Result>
[[nodiscard]] Result with_errno(Result result) noexcept {
  if (result >= 0) return result;
  errno = static_cast<int>(-result);
  return -1;
}

}  // namespace detail

[[nodiscard]] inline int bind(FileDescriptor descriptor, const sockaddr* address, socklen_t length) noexcept {
  if (!base::is_simulated(descriptor)) return ::bind(descriptor.number, address, length);
  return detail::with_errno(base::simulated_descriptors(descriptor).bind(descriptor.number, address, length));
}

[[nodiscard]] inline int listen(FileDescriptor descriptor, int backlog) noexcept {
  if (!base::is_simulated(descriptor)) return ::listen(descriptor.number, backlog);
  return detail::with_errno(base::simulated_descriptors(descriptor).listen(descriptor.number, backlog));
}

[[nodiscard]] inline int connect(FileDescriptor descriptor, const sockaddr* address,
                                 socklen_t length) noexcept {
  if (!base::is_simulated(descriptor)) return ::connect(descriptor.number, address, length);
  return detail::with_errno(
      base::simulated_descriptors(descriptor).connect(descriptor.number, address, length));
}

[[nodiscard]] inline int getsockname(FileDescriptor descriptor, sockaddr* address,
                                     socklen_t* length) noexcept {
  if (!base::is_simulated(descriptor)) return ::getsockname(descriptor.number, address, length);
  return detail::with_errno(
      base::simulated_descriptors(descriptor).getsockname(descriptor.number, address, length));
}

[[nodiscard]] inline int getpeername(FileDescriptor descriptor, sockaddr* address,
                                     socklen_t* length) noexcept {
  if (!base::is_simulated(descriptor)) return ::getpeername(descriptor.number, address, length);
  return detail::with_errno(
      base::simulated_descriptors(descriptor).getpeername(descriptor.number, address, length));
}

[[nodiscard]] inline int getsockopt(FileDescriptor descriptor, int level, int name, void* value,
                                    socklen_t* length) noexcept {
  if (!base::is_simulated(descriptor)) return ::getsockopt(descriptor.number, level, name, value, length);
  return detail::with_errno(
      base::simulated_descriptors(descriptor).getsockopt(descriptor.number, level, name, value, length));
}

[[nodiscard]] inline int setsockopt(FileDescriptor descriptor, int level, int name, const void* value,
                                    socklen_t length) noexcept {
  if (!base::is_simulated(descriptor)) return ::setsockopt(descriptor.number, level, name, value, length);
  return detail::with_errno(
      base::simulated_descriptors(descriptor).setsockopt(descriptor.number, level, name, value, length));
}

[[nodiscard]] inline int shutdown(FileDescriptor descriptor, int how) noexcept {
  if (!base::is_simulated(descriptor)) return ::shutdown(descriptor.number, how);
  return detail::with_errno(base::simulated_descriptors(descriptor).shutdown(descriptor.number, how));
}

[[nodiscard]] inline std::ptrdiff_t recvmsg(FileDescriptor descriptor, msghdr* message, int flags) noexcept {
  if (!base::is_simulated(descriptor)) return ::recvmsg(descriptor.number, message, flags);
  return detail::with_errno(
      base::simulated_descriptors(descriptor).recvmsg(descriptor.number, message, flags));
}

[[nodiscard]] inline std::ptrdiff_t sendmsg(FileDescriptor descriptor, const msghdr* message,
                                            int flags) noexcept {
  if (!base::is_simulated(descriptor)) return ::sendmsg(descriptor.number, message, flags);
  return detail::with_errno(
      base::simulated_descriptors(descriptor).sendmsg(descriptor.number, message, flags));
}

[[nodiscard]] inline int fcntl(FileDescriptor descriptor, int command, int argument = 0) noexcept {
  if (!base::is_simulated(descriptor)) return ::fcntl(descriptor.number, command, argument);
  return detail::with_errno(
      base::simulated_descriptors(descriptor).fcntl(descriptor.number, command, argument));
}

[[nodiscard]] inline int fstat(FileDescriptor descriptor, struct stat* status) noexcept {
  if (!base::is_simulated(descriptor)) return ::fstat(descriptor.number, status);
  return detail::with_errno(base::simulated_descriptors(descriptor).fstat(descriptor.number, status));
}

}  // namespace tidegate::net::call
