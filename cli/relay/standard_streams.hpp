// Standard input and output of this process: whether they are there, and what the loop can do with them.
#pragma once

#include <tidegate/descriptor.hpp>
#include <tidegate/loop.hpp>

namespace tidegate::cli::relay {

inline constexpr FileDescriptor kStandardInput{0};
inline constexpr FileDescriptor kStandardOutput{1};

/// Throws std::runtime_error where one of them is closed, or input is a folder. To be called before anything
/// else is opened, which would get their numbers.
void check_standard_streams();

/// Puts /dev/null where 0, 1 or 2 are closed, so that what is opened later does not become one of them, and
/// gets our log lines. Throws OsError.
void occupy_closed_standard_streams();

/// Whether the kernel tells when it can be read or written: false for files, and for devices such as
/// /dev/null, which never make anybody wait. Throws OsError.
[[nodiscard]] bool can_be_waited_for(Loop& loop, FileDescriptor descriptor);

/// Another open file description of the pipe or terminal behind `descriptor`, which is non-blocking while the
/// one that we were given, and share with our standard error, the commands we start and whoever else, stays
/// as it is. `access`: O_RDONLY or O_WRONLY. Invalid where there can't be one: for sockets, without
/// permission, without /proc; then the shared one has to do.
[[nodiscard]] OwnedFileDescriptor open_anew(FileDescriptor descriptor, int access) noexcept;

/// Whoever reads our standard output sees its end, as far as it is ours; 1 leads nowhere from now on.
void let_go_of_standard_output() noexcept;

}  // namespace tidegate::cli::relay
