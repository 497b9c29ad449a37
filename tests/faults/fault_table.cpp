// The table itself: see fault_table.hpp.
//
// EAGAIN is there by readiness only where a watch of io_uring tells of changes: it would be a lie there that
// no kernel tells, for epoll says the next time that there is something, and such a watch does not.
//
// A watch that can't be set up has no row for the simulated kernel, which is asked what is ready and keeps no
// watches; nor has the wait, which nothing interrupts there, nor the making of the loop, which asks it for
// nothing.
#include "faults/fault_table.hpp"

#include <cerrno>
#include <cstring>

namespace tidegate::faults {

const std::vector<FaultRow>& fault_table() {
  using enum Operation;
  using enum Outcome;
  using enum Where;
  static const std::vector<FaultRow> kTable{
      {receive, Call::recv, {EINTR}, "recv(2)", unnoticed},
      {receive, Call::recv, {EAGAIN}, "recv(2)", unnoticed, by_readiness},
      {receive,
       Call::recv,
       {ECONNRESET, ETIMEDOUT, ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, ENETDOWN, EHOSTDOWN, ENOTCONN, EPIPE,
        ENOMEM, ENOBUFS, EIO, EBADF, ENOTSOCK, EINVAL, EFAULT},
       "recv(2), tcp(7), ip(7)",
       ends_connection},
      {receive,
       Call::receive_request,
       {EINTR, EAGAIN, ENOBUFS, ECANCELED},
       "io_uring_prep_recv(3)",
       unnoticed,
       io_uring},
      {receive,
       Call::receive_request_later,
       {EINTR, EAGAIN, ENOBUFS, ECANCELED},
       "io_uring_prep_recv(3)",
       unnoticed,
       io_uring},
      {receive,
       Call::receive_request,
       {ECONNRESET, ETIMEDOUT, EHOSTUNREACH, ENETDOWN, ENOTCONN, ENOMEM, EIO, EBADF, EINVAL},
       "recv(2), io_uring_prep_recv(3)",
       ends_connection,
       io_uring},
      {receive,
       Call::receive_request_later,
       {ECONNRESET, ETIMEDOUT, EHOSTUNREACH, ENETDOWN, ENOMEM, EIO},
       "recv(2), io_uring_prep_recv(3)",
       ends_connection,
       io_uring},
      {receive,
       Call::watch_request,
       {ECANCELED, ENOMEM},
       "io_uring_prep_poll_multishot(3)",
       unnoticed,
       io_uring},
      {receive,
       Call::watch_request_later,
       {ECANCELED, ENOMEM},
       "io_uring_prep_poll_multishot(3)",
       unnoticed,
       io_uring},

      {send, Call::send, {EINTR, EAGAIN}, "send(2)", unnoticed},
      {send,
       Call::send,
       {EPIPE, ECONNRESET, ETIMEDOUT, EHOSTUNREACH, ENETUNREACH, ENETDOWN, ENOTCONN, ENOBUFS, ENOMEM, EACCES,
        EPERM, EIO, EBADF, ENOTSOCK, EINVAL, EFAULT, EOPNOTSUPP},
       "send(2), tcp(7), ip(7)",
       ends_connection},
      {send, Call::send_request, {EINTR, EAGAIN}, "io_uring_prep_send(3)", unnoticed, io_uring},
      {send,
       Call::send_request,
       {EPIPE, ECONNRESET, ETIMEDOUT, EHOSTUNREACH, ENETDOWN, ENOBUFS, ENOMEM, EPERM, EIO, EBADF, EINVAL},
       "send(2), io_uring_prep_send(3)",
       ends_connection,
       io_uring},
      {send, Call::poll_request, {ECANCELED, ENOMEM}, "io_uring_prep_poll_add(3)", unnoticed, io_uring},

      {send_file, Call::sendfile, {EINTR, EAGAIN}, "sendfile(2)", unnoticed},
      {send_file, Call::sendfile, {EINVAL, ENOSYS, ESPIPE, EOPNOTSUPP}, "sendfile(2)", unnoticed},
      {send_file, Call::sendfile, {EIO, ENOMEM, EOVERFLOW}, "sendfile(2)", file_fails},
      {send_file,
       Call::sendfile,
       {EPIPE, ECONNRESET, ENOTCONN, ETIMEDOUT, EHOSTUNREACH, ENETDOWN},
       "sendfile(2), send(2)",
       ends_connection},

      {accept,
       Call::accept4,
       {EINTR, EAGAIN, ECONNABORTED, EPROTO, EPERM, ENETDOWN, ENOPROTOOPT, EHOSTDOWN, ENONET, EHOSTUNREACH,
        EOPNOTSUPP, ENETUNREACH},
       "accept(2)",
       unnoticed,
       by_readiness},
      {accept, Call::accept4, {EMFILE, ENFILE, ENOBUFS, ENOMEM}, "accept(2)", pauses_accepting, by_readiness},
      {accept,
       Call::accept_request,
       {EINTR, EAGAIN, ECANCELED, ECONNABORTED, EPROTO, EPERM, ENETDOWN, EHOSTUNREACH},
       "accept(2), io_uring_prep_multishot_accept(3)",
       unnoticed,
       io_uring},
      {accept,
       Call::accept_request_later,
       {EINTR, ECANCELED, ECONNABORTED, EPROTO},
       "accept(2), io_uring_prep_multishot_accept(3)",
       unnoticed,
       io_uring},
      {accept,
       Call::accept_request,
       {EMFILE, ENFILE, ENOBUFS, ENOMEM},
       "accept(2)",
       pauses_accepting,
       io_uring},
      {accept,
       Call::accept_request_later,
       {EMFILE, ENFILE, ENOBUFS, ENOMEM},
       "accept(2)",
       pauses_accepting,
       io_uring},

      {connect, Call::connect, {EINTR}, "connect(2)", unnoticed},
      {connect,
       Call::connect,
       {ECONNREFUSED, ETIMEDOUT, EHOSTUNREACH, ENETUNREACH, EACCES, EPERM, EADDRINUSE, EADDRNOTAVAIL,
        EAFNOSUPPORT, EAGAIN, ENOBUFS, ENOMEM, EISCONN, EALREADY, EBADF, ENOTSOCK, EPROTOTYPE, EFAULT},
       "connect(2), ip(7)",
       call_fails},
      // How an attempt under way has ended.
      {connect,
       Call::socket_error,
       {ECONNREFUSED, ETIMEDOUT, EHOSTUNREACH, ENETUNREACH, ECONNRESET, ENOMEM},
       "connect(2), socket(7)",
       call_fails},
      {connect,
       Call::socket,
       {EMFILE, ENFILE, ENOBUFS, ENOMEM, EACCES, EAFNOSUPPORT, EINVAL, EPROTONOSUPPORT},
       "socket(2)",
       call_fails},
      {connect, Call::set_protocol_option, {ENOPROTOOPT, EINVAL, EOPNOTSUPP}, "setsockopt(2)", unnoticed},

      {receive_datagrams, Call::recvmmsg, {EINTR}, "recvmmsg(2)", unnoticed},
      {receive_datagrams, Call::recvmmsg, {EAGAIN}, "recvmmsg(2)", unnoticed, by_readiness},
      {receive_datagrams,
       Call::recvmmsg,
       {ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, ENETDOWN, EHOSTDOWN, EMSGSIZE, ENOBUFS, EPROTO, EPERM},
       "recvmmsg(2), udp(7), ip(7)",
       tells_error},
      {receive_datagrams, Call::recvmmsg, {ENOMEM, EBADF, ENOTSOCK}, "recvmmsg(2)", ends_connection},
      {receive_datagrams,
       Call::watch_request,
       {ECANCELED, ENOMEM},
       "io_uring_prep_poll_multishot(3)",
       unnoticed,
       io_uring},

      {send_datagrams, Call::sendto, {EINTR, EAGAIN}, "send(2)", unnoticed},
      {send_datagrams,
       Call::sendto,
       {ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, ENETDOWN, EMSGSIZE, ENOBUFS, ENOMEM, EACCES, EPERM, EINVAL,
        EDESTADDRREQ, EAFNOSUPPORT, ENOTCONN},
       "send(2), udp(7), ip(7)",
       tells_error},
      {send_datagrams, Call::sendmmsg, {EINTR, EAGAIN}, "sendmmsg(2)", unnoticed, of_the_system},
      // A train that is refused goes one by one.
      {send_datagrams,
       Call::sendmmsg,
       {EIO, EINVAL, EMSGSIZE, EOPNOTSUPP},
       "sendmmsg(2), udp(7)",
       unnoticed,
       of_the_system},
      {send_datagrams,
       Call::sendmmsg,
       {ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, ENETDOWN, ENOBUFS, ENOMEM, EACCES, EPERM},
       "sendmmsg(2), udp(7), ip(7)",
       tells_error,
       of_the_system},

      {read_pipe, Call::read, {EINTR}, "read(2)", unnoticed},
      {read_pipe, Call::read, {EAGAIN}, "read(2)", unnoticed, by_readiness},
      {read_pipe, Call::read, {EBADF, EINVAL, EISDIR, EFAULT, ENOMEM}, "read(2)", ends_connection},

      {write_pipe, Call::pwritev2, {EINTR, EAGAIN}, "write(2), pwritev2(2)", unnoticed},
      {write_pipe, Call::pwritev2, {EOPNOTSUPP}, "pwritev2(2)", unnoticed, of_the_system},
      {write_pipe,
       Call::pwritev2,
       {EPIPE, EIO, ENOSPC, EDQUOT, EPERM, EBADF, EINVAL, EFAULT, ENOMEM},
       "write(2), pwritev2(2)",
       ends_connection},
      {write_pipe, Call::epoll_add, {ENOMEM, ENOSPC}, "epoll_ctl(2)", ends_connection, epoll},
      {write_pipe, Call::hangup_request, {ECANCELED}, "io_uring_prep_poll_multishot(3)", unnoticed, io_uring},
      {write_pipe,
       Call::hangup_request,
       {ENOMEM},
       "io_uring_prep_poll_multishot(3)",
       ends_connection,
       io_uring},

      {watch, Call::epoll_add, {ENOMEM, ENOSPC}, "epoll_ctl(2)", ends_connection, epoll},
      {watch, Call::hangup_request, {ECANCELED}, "io_uring_prep_poll_multishot(3)", unnoticed, io_uring},
      {watch, Call::hangup_request, {ENOMEM}, "io_uring_prep_poll_multishot(3)", ends_connection, io_uring},
      {wait, Call::epoll_wait, {EINTR, ENOSYS}, "epoll_wait(2)", unnoticed, epoll},
      {wait,
       Call::ring_enter,
       {EINTR, EAGAIN, EBUSY, ETIME, ENOMEM},
       "io_uring_enter(2)",
       unnoticed,
       io_uring},

      {make_loop, Call::epoll_create1, {EMFILE, ENFILE, ENOMEM}, "epoll_create(2)", call_fails, epoll},
      {make_loop, Call::eventfd, {EMFILE, ENFILE, ENODEV, ENOMEM}, "eventfd(2)", call_fails, epoll},
      {make_loop, Call::epoll_add, {ENOMEM, ENOSPC}, "epoll_ctl(2)", call_fails, epoll},
      {make_loop, Call::eventfd, {EMFILE, ENFILE, ENODEV, ENOMEM}, "eventfd(2)", falls_back, io_uring},
      {make_loop,
       Call::ring_setup,
       {EPERM, ENOSYS, ENOMEM, EMFILE, ENFILE, EINVAL, EFAULT},
       "io_uring_setup(2)",
       falls_back,
       io_uring},
      {make_loop,
       Call::ring_register,
       {ENOMEM, EEXIST, EPERM, ENXIO, EFAULT},
       "io_uring_register(2)",
       falls_back,
       io_uring},
      // The kernel does not know how to fill buffers piece by piece: it fills whole ones.
      {make_loop, Call::ring_register, {EINVAL}, "io_uring_register(2)", unnoticed, io_uring},

      {make_server,
       Call::socket,
       {EMFILE, ENFILE, ENOBUFS, ENOMEM, EACCES, EAFNOSUPPORT, EINVAL, EPROTONOSUPPORT},
       "socket(2)",
       call_fails},
      {make_server,
       Call::bind,
       {EADDRINUSE, EADDRNOTAVAIL, EACCES, EINVAL, EBADF, ENOTSOCK, ENOMEM},
       "bind(2), ip(7)",
       call_fails},
      {make_server, Call::listen, {EADDRINUSE, EBADF, ENOTSOCK, EOPNOTSUPP}, "listen(2)", call_fails},
      {make_server, Call::getsockname, {ENOBUFS, EBADF, EINVAL, ENOTSOCK}, "getsockname(2)", call_fails},
      {make_server,
       Call::set_option,
       {ENOPROTOOPT, EINVAL, ENOMEM, EBADF, ENOTSOCK},
       "setsockopt(2)",
       call_fails},
      {make_server, Call::set_protocol_option, {ENOPROTOOPT, EINVAL}, "setsockopt(2)", unnoticed},

      {make_endpoint,
       Call::socket,
       {EMFILE, ENFILE, ENOBUFS, ENOMEM, EACCES, EAFNOSUPPORT},
       "socket(2)",
       call_fails},
      {make_endpoint, Call::bind, {EADDRINUSE, EADDRNOTAVAIL, EACCES, EINVAL}, "bind(2)", call_fails},
      {make_endpoint,
       Call::connect,
       {ENETUNREACH, EHOSTUNREACH, EACCES, EADDRNOTAVAIL, EAGAIN, EAFNOSUPPORT},
       "connect(2)",
       call_fails},
      {make_endpoint, Call::connect, {EINTR}, "connect(2)", unnoticed},
      {make_endpoint, Call::set_protocol_option, {ENOPROTOOPT, EINVAL}, "setsockopt(2)", unnoticed},

      {make_pipe, Call::fstat, {EBADF, ENOMEM, EOVERFLOW, EIO}, "fstat(2)", call_fails},
      {start_process, Call::pipe2, {EMFILE, ENFILE}, "pipe(2)", call_fails, of_the_system},
  };
  return kTable;
}

// --- names -------------------------------------------------------------------------------------------------

const char* name_of(Operation operation) noexcept {
  switch (operation) {
    case Operation::receive:
      return "receive";
    case Operation::send:
      return "send";
    case Operation::send_file:
      return "send_file";
    case Operation::accept:
      return "accept";
    case Operation::connect:
      return "connect";
    case Operation::receive_datagrams:
      return "receive_datagrams";
    case Operation::send_datagrams:
      return "send_datagrams";
    case Operation::read_pipe:
      return "read_pipe";
    case Operation::write_pipe:
      return "write_pipe";
    case Operation::watch:
      return "watch";
    case Operation::wait:
      return "wait";
    case Operation::make_loop:
      return "make_loop";
    case Operation::make_server:
      return "make_server";
    case Operation::make_endpoint:
      return "make_endpoint";
    case Operation::make_pipe:
      return "make_pipe";
    case Operation::start_process:
      return "start_process";
  }
  return "operation";
}

std::string name_of_error(int error) {
  const char* const name = ::strerrorname_np(error);
  return name == nullptr ? std::to_string(error) : name;
}

}  // namespace tidegate::faults
