// A child process that is ours until it has been reaped: its end, and signals to it. Knows no loop.
#pragma once

#include <tidegate/descriptor.hpp>

#include <optional>
#include <system_error>
#include <utility>

#include <sys/types.h>

namespace tidegate::process {

/// One child.
///
/// A process id names our child until it is reaped, which happens in here only; from then on nothing is sent
/// to it, for it may be somebody else's. With a descriptor of the process (Linux 5.4) that holds even where
/// the program itself reaps children that it does not know.
class Child {
 public:
  Child() noexcept = default;
  /// `handle`: a descriptor of the process; may be invalid.
  Child(pid_t pid, OwnedFileDescriptor handle) noexcept : pid_(pid), handle_(std::move(handle)) {}

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  /// Readable when the child has ended; invalid where the kernel has none.
  [[nodiscard]] FileDescriptor handle() const noexcept { return handle_.get(); }

  /// As Python has it: the exit status, or -N for death by signal N; none until it has been reaped.
  [[nodiscard]] std::optional<int> returncode() const noexcept { return returncode_; }

  /// Reaps it if it has ended. Where somebody else has done so, its status is not known: 255, and a warning.
  std::optional<int> reap() noexcept;
  /// The same, and waits for its end.
  int wait() noexcept;

  /// Closes the descriptor of a child that has been reaped: it says nothing new.
  void close_handle() noexcept { handle_.reset(); }

  /// No error where it has ended already: it is not there to mind.
  [[nodiscard]] std::error_code send_signal(int number) const noexcept;

 private:
  int reap_with(int options) noexcept;

  pid_t pid_ = -1;
  OwnedFileDescriptor handle_;
  std::optional<int> returncode_;
};

/// Waits until the child of this number has ended, without reaping it. For a thread that has nothing else to
/// do.
void wait_for_end(pid_t pid) noexcept;

}  // namespace tidegate::process
