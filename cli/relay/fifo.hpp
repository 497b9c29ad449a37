// Opening a FIFO without blocking the loop until somebody is at its other end.
#pragma once

#include <tidegate/descriptor.hpp>
#include <tidegate/task.hpp>

#include <string>

namespace tidegate::cli::relay {

/// For reading, when a writer has come. Throws OsError, std::runtime_error for what is no FIFO. Cancelling it
/// closes the FIFO.
[[nodiscard]] Task<OwnedFileDescriptor> open_fifo_for_reading(std::string path);

/// For writing, when a reader has come; otherwise as above.
[[nodiscard]] Task<OwnedFileDescriptor> open_fifo_for_writing(std::string path);

}  // namespace tidegate::cli::relay
