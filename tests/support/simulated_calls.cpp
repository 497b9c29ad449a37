// The system calls of tests, as the linker redirects them (cmake/tests.cmake): on simulated descriptors
// they act on the simulated network, and while a test stands on one, what they make is of it. So a test that
// moves bytes by itself runs on a simulated network as it is.
#include "base/simulated_descriptors.hpp"
#include "kernel/sim/world.hpp"
#include "support/test_network.hpp"

#include <cerrno>
#include <chrono>
#include <cstdarg>
#include <cstddef>
#include <set>

#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

namespace {

using tidegate::FileDescriptor;
using tidegate::kernel::sim::World;
using tidegate::support::TestNetwork;

/// Those that were made without SOCK_NONBLOCK: calls on them wait, which is what time passes for.
std::set<int> blocking;

bool is_simulated(int number) { return tidegate::base::is_simulated(FileDescriptor{number}); }

World& world_of(int number) {
  return static_cast<World&>(tidegate::base::simulated_descriptors(FileDescriptor{number}));
}

World* current_world() {
  tidegate::SimulatedNetwork* network = TestNetwork::current();
  return network == nullptr ? nullptr : &network->world();
}

template <typename Result>
Result with_errno(Result result) {
  if (result >= 0) return result;
  errno = static_cast<int>(-result);
  return -1;
}

/// Lets time pass until poll(2) would say one of `events`; false where that takes longer.
bool wait_for(World& world, int number, short events, tidegate::Duration longest) {
  const tidegate::TimePoint end = world.now() + longest;
  while ((world.poll(number) & (events | POLLERR | POLLHUP)) == 0) {
    const auto next = world.next_event();
    if (!next || *next > end) return false;
    world.advance(*next);
  }
  return true;
}

constexpr std::chrono::seconds kPatience{10};

/// Calls again when it would not wait any more, as a blocking descriptor does.
template <typename Call>
auto patiently(int number, short events, int flags, const Call& call) {
  auto result = call();
  const bool waits = result == -EAGAIN && blocking.contains(number) && (flags & MSG_DONTWAIT) == 0;
  if (waits && wait_for(world_of(number), number, events, kPatience)) result = call();
  return with_errno(result);
}

int made(int number, int type_and_flags) {
  if (number < 0) return with_errno(number);
  if ((type_and_flags & SOCK_NONBLOCK) != 0) {
    blocking.erase(number);
  } else {
    blocking.insert(number);
  }
  return number;
}

int bare_type(int type_and_flags) { return type_and_flags & ~(SOCK_NONBLOCK | SOCK_CLOEXEC); }

}  // namespace

extern "C" {

// --- making
// ----------------------------------------------------------------------------------------------------

int __real_socket(int domain, int type, int protocol);
int __wrap_socket(int domain, int type, int protocol) {
  World* world = current_world();
  if (world == nullptr) return __real_socket(domain, type, protocol);
  return made(world->socket(domain, bare_type(type)), type);
}

int __real_socketpair(int domain, int type, int protocol, int numbers[2]);
int __wrap_socketpair(int domain, int type, int protocol, int numbers[2]) {
  World* world = current_world();
  if (world == nullptr) return __real_socketpair(domain, type, protocol, numbers);
  int pair[2] = {-1, -1};
  const int outcome = world->socket_pair(bare_type(type), pair);
  if (outcome < 0) return with_errno(outcome);
  numbers[0] = made(pair[0], type);
  numbers[1] = made(pair[1], type);
  return 0;
}

int __real_pipe2(int numbers[2], int flags);
int __wrap_pipe2(int numbers[2], int flags) {
  World* world = current_world();
  if (world == nullptr) return __real_pipe2(numbers, flags);
  int pair[2] = {-1, -1};
  const int outcome = world->pipe(pair);
  if (outcome < 0) return with_errno(outcome);
  const int as_of_sockets = (flags & O_NONBLOCK) != 0 ? SOCK_NONBLOCK : 0;
  numbers[0] = made(pair[0], as_of_sockets);
  numbers[1] = made(pair[1], as_of_sockets);
  return 0;
}

int __real_accept4(int number, sockaddr* address, socklen_t* length, int flags);
int __wrap_accept4(int number, sockaddr* address, socklen_t* length, int flags) {
  if (!is_simulated(number)) return __real_accept4(number, address, length, flags);
  const int accepted =
      patiently(number, POLLIN, 0, [&] { return world_of(number).accept(number, address, length); });
  return accepted < 0 ? accepted : made(accepted, flags);
}

int __real_accept(int number, sockaddr* address, socklen_t* length);
int __wrap_accept(int number, sockaddr* address, socklen_t* length) {
  if (!is_simulated(number)) return __real_accept(number, address, length);
  return __wrap_accept4(number, address, length, 0);
}

int __real_close(int number);
int __wrap_close(int number) {
  if (!is_simulated(number)) return __real_close(number);
  return with_errno(world_of(number).close(number));
}

// --- naming and asking
// -----------------------------------------------------------------------------------------

int __real_bind(int number, const sockaddr* address, socklen_t length);
int __wrap_bind(int number, const sockaddr* address, socklen_t length) {
  if (!is_simulated(number)) return __real_bind(number, address, length);
  return with_errno(world_of(number).bind(number, address, length));
}

int __real_listen(int number, int backlog);
int __wrap_listen(int number, int backlog) {
  if (!is_simulated(number)) return __real_listen(number, backlog);
  return with_errno(world_of(number).listen(number, backlog));
}

int __real_connect(int number, const sockaddr* address, socklen_t length);
int __wrap_connect(int number, const sockaddr* address, socklen_t length) {
  if (!is_simulated(number)) return __real_connect(number, address, length);
  World& world = world_of(number);
  const int outcome = world.connect(number, address, length);
  if (outcome != -EINPROGRESS || !blocking.contains(number)) return with_errno(outcome);
  if (!wait_for(world, number, POLLOUT, kPatience)) return with_errno(-ETIMEDOUT);
  int error = 0;
  socklen_t size = sizeof error;
  static_cast<void>(world.getsockopt(number, SOL_SOCKET, SO_ERROR, &error, &size));
  return with_errno(-error);
}

int __real_getsockname(int number, sockaddr* address, socklen_t* length);
int __wrap_getsockname(int number, sockaddr* address, socklen_t* length) {
  if (!is_simulated(number)) return __real_getsockname(number, address, length);
  return with_errno(world_of(number).getsockname(number, address, length));
}

int __real_getpeername(int number, sockaddr* address, socklen_t* length);
int __wrap_getpeername(int number, sockaddr* address, socklen_t* length) {
  if (!is_simulated(number)) return __real_getpeername(number, address, length);
  return with_errno(world_of(number).getpeername(number, address, length));
}

int __real_getsockopt(int number, int level, int name, void* value, socklen_t* length);
int __wrap_getsockopt(int number, int level, int name, void* value, socklen_t* length) {
  if (!is_simulated(number)) return __real_getsockopt(number, level, name, value, length);
  return with_errno(world_of(number).getsockopt(number, level, name, value, length));
}

int __real_setsockopt(int number, int level, int name, const void* value, socklen_t length);
int __wrap_setsockopt(int number, int level, int name, const void* value, socklen_t length) {
  if (!is_simulated(number)) return __real_setsockopt(number, level, name, value, length);
  return with_errno(world_of(number).setsockopt(number, level, name, value, length));
}

int __real_shutdown(int number, int how);
int __wrap_shutdown(int number, int how) {
  if (!is_simulated(number)) return __real_shutdown(number, how);
  return with_errno(world_of(number).shutdown(number, how));
}

int __real_fcntl(int number, int command, ...);
int __wrap_fcntl(int number, int command, ...) {
  va_list arguments;
  va_start(arguments, command);
  const long argument = va_arg(arguments, long);
  va_end(arguments);
  if (!is_simulated(number)) return __real_fcntl(number, command, argument);
  if (command == F_SETFL) {
    if ((argument & O_NONBLOCK) != 0) {
      blocking.erase(number);
    } else {
      blocking.insert(number);
    }
  }
  return with_errno(world_of(number).fcntl(number, command, static_cast<int>(argument)));
}

int __real_ioctl(int number, unsigned long request, ...);
int __wrap_ioctl(int number, unsigned long request, ...) {
  va_list arguments;
  va_start(arguments, request);
  void* argument = va_arg(arguments, void*);
  va_end(arguments);
  if (!is_simulated(number)) return __real_ioctl(number, request, argument);
  return with_errno(-ENOTTY);
}

int __real_poll(pollfd* descriptors, nfds_t count, int milliseconds);
int __wrap_poll(pollfd* descriptors, nfds_t count, int milliseconds) {
  // The tests look at one at a time.
  if (count != 1 || !is_simulated(descriptors[0].fd)) return __real_poll(descriptors, count, milliseconds);
  pollfd& looked_at = descriptors[0];
  World& world = world_of(looked_at.fd);
  static_cast<void>(wait_for(world, looked_at.fd, looked_at.events, std::chrono::milliseconds(milliseconds)));
  looked_at.revents = static_cast<short>(world.poll(looked_at.fd) & (looked_at.events | POLLERR | POLLHUP));
  return looked_at.revents == 0 ? 0 : 1;
}

// --- moving bytes
// ----------------------------------------------------------------------------------------------

ssize_t __real_recvmsg(int number, msghdr* message, int flags);
ssize_t __wrap_recvmsg(int number, msghdr* message, int flags) {
  if (!is_simulated(number)) return __real_recvmsg(number, message, flags);
  return patiently(number, POLLIN, flags, [&] { return world_of(number).recvmsg(number, message, flags); });
}

ssize_t __real_recvfrom(int number, void* memory, std::size_t size, int flags, sockaddr* address,
                        socklen_t* length);
ssize_t __wrap_recvfrom(int number, void* memory, std::size_t size, int flags, sockaddr* address,
                        socklen_t* length) {
  if (!is_simulated(number)) return __real_recvfrom(number, memory, size, flags, address, length);
  iovec piece{memory, size};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_name = address;
  message.msg_namelen = length == nullptr ? 0 : *length;
  const ssize_t count = __wrap_recvmsg(number, &message, flags);
  if (length != nullptr) *length = message.msg_namelen;
  return count;
}

ssize_t __real_recv(int number, void* memory, std::size_t size, int flags);
ssize_t __wrap_recv(int number, void* memory, std::size_t size, int flags) {
  if (!is_simulated(number)) return __real_recv(number, memory, size, flags);
  return __wrap_recvfrom(number, memory, size, flags, nullptr, nullptr);
}

ssize_t __real_read(int number, void* memory, std::size_t size);
ssize_t __wrap_read(int number, void* memory, std::size_t size) {
  if (!is_simulated(number)) return __real_read(number, memory, size);
  return __wrap_recvfrom(number, memory, size, 0, nullptr, nullptr);
}

ssize_t __real_sendmsg(int number, const msghdr* message, int flags);
ssize_t __wrap_sendmsg(int number, const msghdr* message, int flags) {
  if (!is_simulated(number)) return __real_sendmsg(number, message, flags);
  return patiently(number, POLLOUT, flags, [&] { return world_of(number).sendmsg(number, message, flags); });
}

ssize_t __real_sendto(int number, const void* memory, std::size_t size, int flags, const sockaddr* address,
                      socklen_t length);
ssize_t __wrap_sendto(int number, const void* memory, std::size_t size, int flags, const sockaddr* address,
                      socklen_t length) {
  if (!is_simulated(number)) return __real_sendto(number, memory, size, flags, address, length);
  iovec piece{const_cast<void*>(memory), size};  // only read; so is the address
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_name = const_cast<sockaddr*>(address);
  message.msg_namelen = length;
  return __wrap_sendmsg(number, &message, flags);
}

ssize_t __real_send(int number, const void* memory, std::size_t size, int flags);
ssize_t __wrap_send(int number, const void* memory, std::size_t size, int flags) {
  if (!is_simulated(number)) return __real_send(number, memory, size, flags);
  return __wrap_sendto(number, memory, size, flags, nullptr, 0);
}

ssize_t __real_write(int number, const void* memory, std::size_t size);
ssize_t __wrap_write(int number, const void* memory, std::size_t size) {
  if (!is_simulated(number)) return __real_write(number, memory, size);
  return __wrap_sendto(number, memory, size, 0, nullptr, 0);
}

}  // extern "C"
