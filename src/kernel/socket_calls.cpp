// System calls on sockets: see socket_calls.hpp.
#include "kernel/socket_calls.hpp"

#include "net/socket_options.hpp"

#include <cerrno>

#include <sys/socket.h>

namespace tidegate::kernel {

std::ptrdiff_t send_now(FileDescriptor descriptor, BytesView piece) noexcept {
  const std::ptrdiff_t count =
      ::send(descriptor.number, piece.data(), piece.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  return count >= 0 ? count : -errno;
}

std::ptrdiff_t send_now(FileDescriptor descriptor, std::span<iovec> pieces) noexcept {
  if (pieces.size() == 1) {  // the rule, and cheaper by what the kernel would have to copy first
    return send_now(descriptor, BytesView(pieces[0].iov_base, pieces[0].iov_len));
  }
  msghdr message{};
  message.msg_iov = pieces.data();
  message.msg_iovlen = pieces.size();
  for (;;) {
    const std::ptrdiff_t count = ::sendmsg(descriptor.number, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count >= 0) return count;
    if (errno != EINTR) return -errno;
  }
}

int pending_error(FileDescriptor descriptor) noexcept { return -net::socket_error(descriptor).value(); }

bool concerns_one_connection(int error) noexcept {
  switch (error) {
    case ECONNABORTED:
    case EINTR:
    case EPROTO:
    case EPERM:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
      return true;
    default:
      return false;
  }
}

}  // namespace tidegate::kernel
