// sendfile(2): see sendfile_call.hpp.
#include "kernel/sendfile_call.hpp"

#include "base/pipe_signal_blocked.hpp"

#include <cerrno>

#include <sys/sendfile.h>

namespace tidegate::kernel {

static_assert(sizeof(off_t) == sizeof(std::uint64_t), "files of more than 2 GiB");

std::ptrdiff_t send_file_now(FileDescriptor to, const FilePart& part) noexcept {
  base::PipeSignalBlocked signal;  // the call has no MSG_NOSIGNAL
  for (;;) {
    auto offset = static_cast<off_t>(part.offset);
    const std::ptrdiff_t count = ::sendfile(to.number, part.file.number, &offset, part.size_bytes);
    if (count >= 0) {
      // The kernel sends piece by piece: one that found the connection broken signals, and those before it
      // are what is told.
      signal.may_be_raised = static_cast<std::size_t>(count) < part.size_bytes;
      return count;
    }
    if (errno == EINTR) continue;
    const int error = errno;
    signal.may_be_raised = error == EPIPE;
    return -error;
  }
}

}  // namespace tidegate::kernel
