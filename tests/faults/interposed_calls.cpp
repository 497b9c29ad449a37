// The system calls of the library, as the linker sends them here (target.cmake): each fails when its turn
// has come, and is the C library's otherwise.
#include "faults/strike.hpp"

#include <cerrno>
#include <csignal>

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>

namespace {

using tidegate::faults::Call;

/// True where the call is to fail; errno is set then.
bool fails(Call call) noexcept {
  const int error = tidegate::faults::verdict(call);
  if (error == 0) return false;
  errno = error;
  return true;
}

}  // namespace

extern "C" {

ssize_t __real_recv(int descriptor, void* memory, size_t size, int flags);
ssize_t __wrap_recv(int descriptor, void* memory, size_t size, int flags) {
  return fails(Call::recv) ? -1 : __real_recv(descriptor, memory, size, flags);
}

ssize_t __real_send(int descriptor, const void* data, size_t size, int flags);
ssize_t __wrap_send(int descriptor, const void* data, size_t size, int flags) {
  return fails(Call::send) ? -1 : __real_send(descriptor, data, size, flags);
}

ssize_t __real_sendmsg(int descriptor, const msghdr* message, int flags);
ssize_t __wrap_sendmsg(int descriptor, const msghdr* message, int flags) {
  return fails(Call::send) ? -1 : __real_sendmsg(descriptor, message, flags);
}

int __real_recvmmsg(int descriptor, mmsghdr* messages, unsigned count, int flags, timespec* limit);
int __wrap_recvmmsg(int descriptor, mmsghdr* messages, unsigned count, int flags, timespec* limit) {
  return fails(Call::recvmmsg) ? -1 : __real_recvmmsg(descriptor, messages, count, flags, limit);
}

ssize_t __real_sendto(int descriptor, const void* data, size_t size, int flags, const sockaddr* address,
                      socklen_t length);
ssize_t __wrap_sendto(int descriptor, const void* data, size_t size, int flags, const sockaddr* address,
                      socklen_t length) {
  return fails(Call::sendto) ? -1 : __real_sendto(descriptor, data, size, flags, address, length);
}

int __real_sendmmsg(int descriptor, mmsghdr* messages, unsigned count, int flags);
int __wrap_sendmmsg(int descriptor, mmsghdr* messages, unsigned count, int flags) {
  return fails(Call::sendmmsg) ? -1 : __real_sendmmsg(descriptor, messages, count, flags);
}

ssize_t __real_sendfile(int to, int from, off_t* offset, size_t size);
ssize_t __wrap_sendfile(int to, int from, off_t* offset, size_t size) {
  return fails(Call::sendfile) ? -1 : __real_sendfile(to, from, offset, size);
}

ssize_t __real_read(int descriptor, void* memory, size_t size);
ssize_t __wrap_read(int descriptor, void* memory, size_t size) {
  return fails(Call::read) ? -1 : __real_read(descriptor, memory, size);
}

ssize_t __real_pwritev2(int descriptor, const iovec* pieces, int count, off_t offset, int flags);
ssize_t __wrap_pwritev2(int descriptor, const iovec* pieces, int count, off_t offset, int flags) {
  return fails(Call::pwritev2) ? -1 : __real_pwritev2(descriptor, pieces, count, offset, flags);
}

int __real_accept4(int descriptor, sockaddr* address, socklen_t* length, int flags);
int __wrap_accept4(int descriptor, sockaddr* address, socklen_t* length, int flags) {
  return fails(Call::accept4) ? -1 : __real_accept4(descriptor, address, length, flags);
}

int __real_connect(int descriptor, const sockaddr* address, socklen_t length);
int __wrap_connect(int descriptor, const sockaddr* address, socklen_t length) {
  return fails(Call::connect) ? -1 : __real_connect(descriptor, address, length);
}

int __real_getsockopt(int descriptor, int level, int name, void* value, socklen_t* length);
int __wrap_getsockopt(int descriptor, int level, int name, void* value, socklen_t* length) {
  const int outcome = __real_getsockopt(descriptor, level, name, value, length);
  if (level == SOL_SOCKET && name == SO_ERROR && outcome == 0) {
    if (const int error = tidegate::faults::verdict(Call::socket_error); error != 0)
      *static_cast<int*>(value) = error;
  }
  return outcome;
}

int __real_epoll_ctl(int epoll, int action, int descriptor, epoll_event* event);
int __wrap_epoll_ctl(int epoll, int action, int descriptor, epoll_event* event) {
  if (action == EPOLL_CTL_ADD && fails(Call::epoll_add)) return -1;
  return __real_epoll_ctl(epoll, action, descriptor, event);
}

int __real_epoll_pwait2(int epoll, epoll_event* events, int most, const timespec* limit,
                        const sigset_t* mask);
int __wrap_epoll_pwait2(int epoll, epoll_event* events, int most, const timespec* limit,
                        const sigset_t* mask) {
  return fails(Call::epoll_wait) ? -1 : __real_epoll_pwait2(epoll, events, most, limit, mask);
}

int __real_socket(int family, int type, int protocol);
int __wrap_socket(int family, int type, int protocol) {
  return fails(Call::socket) ? -1 : __real_socket(family, type, protocol);
}

int __real_bind(int descriptor, const sockaddr* address, socklen_t length);
int __wrap_bind(int descriptor, const sockaddr* address, socklen_t length) {
  return fails(Call::bind) ? -1 : __real_bind(descriptor, address, length);
}

int __real_listen(int descriptor, int backlog);
int __wrap_listen(int descriptor, int backlog) {
  return fails(Call::listen) ? -1 : __real_listen(descriptor, backlog);
}

int __real_setsockopt(int descriptor, int level, int name, const void* value, socklen_t length);
int __wrap_setsockopt(int descriptor, int level, int name, const void* value, socklen_t length) {
  if (fails(level == SOL_SOCKET ? Call::set_option : Call::set_protocol_option)) return -1;
  return __real_setsockopt(descriptor, level, name, value, length);
}

int __real_getsockname(int descriptor, sockaddr* address, socklen_t* length);
int __wrap_getsockname(int descriptor, sockaddr* address, socklen_t* length) {
  return fails(Call::getsockname) ? -1 : __real_getsockname(descriptor, address, length);
}

int __real_fstat(int descriptor, struct stat* status);
int __wrap_fstat(int descriptor, struct stat* status) {
  return fails(Call::fstat) ? -1 : __real_fstat(descriptor, status);
}

int __real_pipe2(int* descriptors, int flags);
int __wrap_pipe2(int* descriptors, int flags) {
  return fails(Call::pipe2) ? -1 : __real_pipe2(descriptors, flags);
}

int __real_epoll_create1(int flags);
int __wrap_epoll_create1(int flags) { return fails(Call::epoll_create1) ? -1 : __real_epoll_create1(flags); }

int __real_eventfd(unsigned count, int flags);
int __wrap_eventfd(unsigned count, int flags) {
  return fails(Call::eventfd) ? -1 : __real_eventfd(count, flags);
}

}  // extern "C"
