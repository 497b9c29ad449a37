// O_NONBLOCK for a while: an open file description that others may share is made non-blocking, and put back
// as found. Knows nothing of who reads or writes.
#pragma once

#include <tidegate/descriptor.hpp>

#include <utility>

namespace tidegate::net {

/// Keeps a descriptor non-blocking while it lives (contract P4).
///
/// Descriptors may share one description without showing it: 0 and 1 of a program in a terminal usually do.
/// So the loans on one description count together, and it is put back when the last of them ends.
///
/// Thread: any; but nobody else of this process may change the flag of the same description meanwhile.
class NonblockingLoan {
 public:
  /// Of nothing.
  NonblockingLoan() noexcept = default;
  /// Throws OsError, std::bad_alloc. Lifetime: the descriptor stays open until the loan has ended.
  explicit NonblockingLoan(FileDescriptor descriptor);
  NonblockingLoan(NonblockingLoan&& other) noexcept
      : descriptor_(std::exchange(other.descriptor_, FileDescriptor())) {}
  NonblockingLoan& operator=(NonblockingLoan&& other) noexcept {
    if (this != &other) {
      end();
      descriptor_ = std::exchange(other.descriptor_, FileDescriptor());
    }
    return *this;
  }
  NonblockingLoan(const NonblockingLoan&) = delete;
  NonblockingLoan& operator=(const NonblockingLoan&) = delete;
  ~NonblockingLoan() { end(); }

  /// Ends it now.
  void end() noexcept;

 private:
  FileDescriptor descriptor_;  // invalid where there is nothing to be put back
};

}  // namespace tidegate::net
