// Moves bytes between a file and a pipe, on a thread that may wait for a disk.
#pragma once

#include <tidegate/descriptor.hpp>
#include <tidegate/future.hpp>
#include <tidegate/loop.hpp>

#include <system_error>

namespace tidegate::cli::relay {

/// A file with a pipe in front of it. Back-pressure comes from the pipe by itself.
struct PipedFile {
  /// The end for the loop.
  OwnedFileDescriptor pipe;
  /// Done when everything has been moved, or nobody wants the rest; the error where there was one.
  Future<std::error_code> moved;
};

/// What the file holds comes out of the pipe. Lifetime: `file` stays open until `moved` is done. Throws
/// OsError. REQUIRES: SIGPIPE is ignored.
[[nodiscard]] PipedFile pipe_from_file(Loop& loop, FileDescriptor file);

/// What goes into the pipe is written to the file; otherwise as above.
[[nodiscard]] PipedFile pipe_to_file(Loop& loop, FileDescriptor file);

}  // namespace tidegate::cli::relay
