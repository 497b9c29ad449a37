// Descriptors that the system does not know: those of simulated networks. One look at a number tells, and the
// calls on them go to whoever made them. Knows nothing of what is behind.
#pragma once

#include <tidegate/descriptor.hpp>

#include <cstddef>

#include <sys/socket.h>
#include <sys/stat.h>

namespace tidegate::base {

/// Numbers from here on are simulated. The system gives out none of them: its own bound (nr_open) is below.
inline constexpr int kFirstSimulatedNumber = 1 << 30;

[[nodiscard]] constexpr bool is_simulated(FileDescriptor descriptor) noexcept {
  return descriptor.number >= kFirstSimulatedNumber;
}

/// The system calls on simulated descriptors. Each does what its namesake does on a non-blocking descriptor
/// (no call ever waits), and returns 0 or a count where that succeeds, or a negative errno. A number that is
/// not open: -EBADF.
///
/// Thread: that of the loop on the network that the descriptor belongs to.
class SimulatedDescriptors {
 public:
  virtual int close(int number) noexcept = 0;
  virtual int bind(int number, const sockaddr* address, socklen_t length) noexcept = 0;
  virtual int listen(int number, int backlog) noexcept = 0;
  /// 0, -EINPROGRESS, or the error.
  virtual int connect(int number, const sockaddr* address, socklen_t length) noexcept = 0;
  /// A new number.
  virtual int accept(int number, sockaddr* address, socklen_t* length) noexcept = 0;
  virtual int getsockname(int number, sockaddr* address, socklen_t* length) noexcept = 0;
  virtual int getpeername(int number, sockaddr* address, socklen_t* length) noexcept = 0;
  virtual int getsockopt(int number, int level, int name, void* value, socklen_t* length) noexcept = 0;
  virtual int setsockopt(int number, int level, int name, const void* value, socklen_t length) noexcept = 0;
  virtual int shutdown(int number, int how) noexcept = 0;
  virtual std::ptrdiff_t recvmsg(int number, msghdr* message, int flags) noexcept = 0;
  virtual std::ptrdiff_t sendmsg(int number, const msghdr* message, int flags) noexcept = 0;
  /// F_GETFL, F_SETFL, F_GETFD, F_SETFD, F_DUPFD_CLOEXEC, F_GETPIPE_SZ, F_SETPIPE_SZ.
  virtual int fcntl(int number, int command, int argument) noexcept = 0;
  virtual int fstat(int number, struct stat* status) noexcept = 0;
  /// POLLIN, POLLOUT, POLLERR, POLLHUP, POLLRDHUP, as poll(2) would report them at this moment.
  virtual short poll(int number) noexcept = 0;

 protected:
  ~SimulatedDescriptors() = default;
};

/// Who is behind a simulated number; nobody's says -EBADF to everything. Thread: any.
[[nodiscard]] SimulatedDescriptors& simulated_descriptors(FileDescriptor descriptor) noexcept;

/// Gives out a new number, which belongs to `owner` until `forget_simulated_number`. Numbers are reused as
/// the system reuses its own: the lowest first. Throws std::bad_alloc. Thread: any.
[[nodiscard]] FileDescriptor new_simulated_number(SimulatedDescriptors& owner);
void forget_simulated_number(FileDescriptor descriptor) noexcept;

/// How many there are at this moment, of all networks: for tests that look for leaks.
[[nodiscard]] std::size_t count_of_simulated_numbers() noexcept;

}  // namespace tidegate::base
