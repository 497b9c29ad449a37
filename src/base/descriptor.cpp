// Closes owned descriptors, those of simulated networks as well. Knows nothing of what they are open on.
#include <tidegate/descriptor.hpp>

#include "base/log.hpp"
#include "base/simulated_descriptors.hpp"

#include <cerrno>

#include <fmt/format.h>
#include <unistd.h>

namespace tidegate {

namespace {

/// 0 or an errno.
int close_error(FileDescriptor descriptor) noexcept {
  if (base::is_simulated(descriptor))
    return -base::simulated_descriptors(descriptor).close(descriptor.number);
  return ::close(descriptor.number) == 0 ? 0 : errno;
}

}  // namespace

void OwnedFileDescriptor::reset() noexcept {
  const FileDescriptor descriptor = release();
  if (!descriptor.valid()) return;

  // A destructor often runs between a failed call and the look at errno.
  const int errno_before = errno;
  // Never repeated after EINTR: Linux has given the number free by then, and a second close could hit
  // whatever another thread has opened under it since. Other errors (EIO, ENOSPC ...) are about data of
  // files, which nobody here awaits.
  if (close_error(descriptor) == EBADF) {
    try {
      base::log(LogLevel::error,
                fmt::format("closing descriptor {}: somebody else closed it", descriptor.number));
    } catch (...) {
      base::log(LogLevel::error,
                "closing a descriptor: somebody else closed it");  // no memory for the number
    }
  }
  errno = errno_before;
}

}  // namespace tidegate
