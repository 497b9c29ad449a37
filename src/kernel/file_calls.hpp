// System calls on pipes and terminals as the backends make them, and what their errors mean. Knows no
// operations.
#pragma once

#include <tidegate/bytes.hpp>
#include <tidegate/descriptor.hpp>

#include <cstddef>
#include <span>

#include <sys/uio.h>

namespace tidegate::kernel {

/// Reads what there is: a count, 0 at the end, or a negative errno. A terminal whose other side has gone says
/// EIO, which is an ordinary end (contract P2). REQUIRES: the descriptor is non-blocking.
[[nodiscard]] std::ptrdiff_t read_now(FileDescriptor descriptor, MutableBytesView memory) noexcept;

/// Writes what the kernel takes at this moment: a count, or a negative errno. Never SIGPIPE (contract W3),
/// whatever the program has decided about that signal. REQUIRES: the descriptor is non-blocking.
[[nodiscard]] std::ptrdiff_t write_now(FileDescriptor descriptor, std::span<const iovec> pieces) noexcept;

/// Whether there is something to read, or an end that has been announced. (A FIFO that nobody has opened for
/// writing yet has neither, but a read of it would return 0.)
[[nodiscard]] bool has_input(FileDescriptor descriptor) noexcept;

}  // namespace tidegate::kernel
