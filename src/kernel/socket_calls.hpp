// System calls on sockets as the backends make them, and what their errors mean. Knows no operations.
#pragma once

#include <tidegate/bytes.hpp>
#include <tidegate/descriptor.hpp>

#include <cstddef>
#include <span>

#include <sys/uio.h>

namespace tidegate::kernel {

/// Sends what the kernel takes at this moment: a count, or a negative errno. Never SIGPIPE (contract W3).
[[nodiscard]] std::ptrdiff_t send_now(FileDescriptor descriptor, std::span<iovec> pieces) noexcept;
/// The same for one piece; -EINTR is possible, and worth another try.
[[nodiscard]] std::ptrdiff_t send_now(FileDescriptor descriptor, BytesView piece) noexcept;

/// The error that waits on a socket, as a completion: 0 or a negative errno.
[[nodiscard]] int pending_error(FileDescriptor descriptor) noexcept;

/// Whether an error of accept concerns one connection that is gone already, and not the listener (accept(2),
/// "Error handling").
[[nodiscard]] bool concerns_one_connection(int error) noexcept;

}  // namespace tidegate::kernel
