// sendfile(2) as the backends make it: from the page cache to a socket or a pipe. Knows no operations.
#pragma once

#include <tidegate/descriptor.hpp>

#include <cstddef>
#include <cstdint>

namespace tidegate::kernel {

/// A run of bytes of an open file.
struct FilePart {
  FileDescriptor file;
  /// From the beginning of the file.
  std::uint64_t offset = 0;
  std::size_t size_bytes = 0;
};

/// Sends what the kernel takes of a part at this moment: a count, 0 where the file ends before it, or a
/// negative errno. The file's own position is neither used nor moved. Never SIGPIPE (contract W3). What is
/// not in the page cache is read while the caller waits. REQUIRES: the part is not empty, and `to`
/// non-blocking.
[[nodiscard]] std::ptrdiff_t send_file_now(FileDescriptor to, const FilePart& part) noexcept;

}  // namespace tidegate::kernel
