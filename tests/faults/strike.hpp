// The one fault that is about to strike: the n-th of something fails, once. Knows nothing of who does what
// with it.
#pragma once

#include <atomic>
#include <cstdint>

namespace tidegate::faults {

/// What can be made to fail: a system call of the library, a request of its to io_uring, or an allocation.
enum class Call : std::uint8_t {
  // system calls
  recv,
  send,  // and sendmsg
  recvmmsg,
  sendto,
  sendmmsg,
  sendfile,
  read,
  pwritev2,
  accept4,
  connect,
  socket_error,  // getsockopt(SO_ERROR) succeeds, and says this
  epoll_add,     // epoll_ctl(EPOLL_CTL_ADD)
  epoll_wait,    // epoll_pwait2
  socket,
  bind,
  listen,
  set_option,           // setsockopt(SOL_SOCKET)
  set_protocol_option,  // setsockopt, at any other level
  getsockname,
  fstat,
  pipe2,
  epoll_create1,
  eventfd,
  // liburing
  ring_setup,     // io_uring_queue_init_params
  ring_register,  // io_uring_register_buf_ring
  ring_enter,     // whatever submits and waits
  // requests: what the kernel answers the n-th of its kind
  receive_request,
  accept_request,
  send_request,
  poll_request,    // readiness, once
  watch_request,   // changes of readiness
  hangup_request,  // changes of nothing but the end
  // the same where a request has had results already: what ends it behind the n-th
  receive_request_later,
  accept_request_later,
  watch_request_later,
  // memory
  allocation,
};

/// For test reports: "recv".
[[nodiscard]] const char* name_of(Call call) noexcept;

/// Arranges for the `occurrence`-th `call` from now on to fail with `error`; that one and no other.
void arm(Call call, int error, unsigned occurrence) noexcept;
void disarm() noexcept;
/// Whether the fault that was armed last has happened.
[[nodiscard]] bool has_struck() noexcept;
/// How often the armed call was made since, whether it failed or not.
[[nodiscard]] unsigned calls_made() noexcept;

/// Whether this call, which is about to be made, has to fail: with what then, else 0.
[[nodiscard]] int verdict(Call call) noexcept;

/// The calls of this thread are not meant while this lives: what a test does by itself.
class Spared {
 public:
  Spared() noexcept;
  Spared(const Spared&) = delete;
  Spared& operator=(const Spared&) = delete;
  ~Spared();
};

}  // namespace tidegate::faults
