// See standard_streams.hpp.
#include "relay/standard_streams.hpp"

#include <tidegate/error.hpp>

#include <array>
#include <cerrno>
#include <stdexcept>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace tidegate::cli::relay {

namespace {

OsError last_error(const std::string& attempted) {
  return {std::error_code(errno, std::system_category()), attempted};
}

bool is_open(int number) noexcept { return ::fcntl(number, F_GETFD) != -1; }

void check_is_open(FileDescriptor descriptor, const char* name) {
  if (is_open(descriptor.number)) return;
  throw std::runtime_error(fmt::format("{} is closed, and \"-\" needs it", name));
}

OwnedFileDescriptor open_null() {
  OwnedFileDescriptor null(FileDescriptor{::open("/dev/null", O_RDWR | O_CLOEXEC)});
  if (!null.valid()) throw last_error("open /dev/null");
  return null;
}

/// The side of whoever shows a terminal: opening that anew makes another terminal.
bool is_terminal_master(FileDescriptor descriptor) noexcept {
  unsigned int number = 0;
  return ::ioctl(descriptor.number, TIOCGPTN, &number) == 0;
}

/// Other devices may be something else each time that they are opened.
bool is_pipe_or_terminal(FileDescriptor descriptor) noexcept {
  struct stat status {};
  if (::fstat(descriptor.number, &status) == 0 && S_ISFIFO(status.st_mode)) return true;
  return ::isatty(descriptor.number) == 1 && !is_terminal_master(descriptor);
}

/// Opening a pipe anew could get us more than we were given.
bool may_be_used_for(FileDescriptor descriptor, int access) noexcept {
  const int flags = ::fcntl(descriptor.number, F_GETFL);
  return flags != -1 && ((flags & O_ACCMODE) == access || (flags & O_ACCMODE) == O_RDWR);
}

/// A FIFO that is opened for reading without a writer there is taken by the kernel for one that has not
/// begun.
bool has_been_hung_up(FileDescriptor descriptor) noexcept {
  pollfd look{.fd = descriptor.number, .events = POLLIN, .revents = 0};
  return ::poll(&look, 1, 0) == 1 && (look.revents & POLLHUP) != 0;
}

}  // namespace

void check_standard_streams() {
  check_is_open(kStandardInput, "standard input");
  check_is_open(kStandardOutput, "standard output");
  struct stat status {};
  if (::fstat(kStandardInput.number, &status) == 0 && S_ISDIR(status.st_mode)) {
    throw std::runtime_error("standard input is a folder, and \"-\" needs something that can be read");
  }
}

void occupy_closed_standard_streams() {
  while (true) {
    OwnedFileDescriptor null = open_null();
    if (null.get().number > STDERR_FILENO) return;
    // It stays: until the end of the process nobody else shall have this number.
    static_cast<void>(null.release());
  }
}

bool can_be_waited_for(Loop& loop, FileDescriptor descriptor) {
  try {
    loop.add_reader(descriptor, [] {});
  } catch (const OsError& error) {
    if (error.code() == std::errc::operation_not_permitted) return false;
    throw;
  }
  loop.remove_reader(descriptor);
  return true;
}

OwnedFileDescriptor open_anew(FileDescriptor descriptor, int access) noexcept {
  if (!is_pipe_or_terminal(descriptor) || !may_be_used_for(descriptor, access)) return {};
  std::array<char, 32> path{};
  fmt::format_to_n(path.data(), path.size() - 1, "/proc/self/fd/{}", descriptor.number);
  OwnedFileDescriptor anew(FileDescriptor{::open(path.data(), access | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)});
  // Looked at afterwards: a writer that left before would never be noticed by the new one.
  if (access == O_RDONLY && has_been_hung_up(descriptor)) return {};
  return anew;
}

void let_go_of_standard_output() noexcept {
  // Where it is a socket, standard input may be the same one, and stay open. Fails for everything else, as it
  // should.
  static_cast<void>(::shutdown(kStandardOutput.number, SHUT_WR));
  const int null = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  // Without one its reader waits until we end, which is bad, but not worth losing the other way for.
  if (null == -1) return;
  static_cast<void>(::dup2(null, kStandardOutput.number));
  static_cast<void>(::close(null));
}

}  // namespace tidegate::cli::relay
