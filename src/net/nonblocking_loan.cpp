// O_NONBLOCK for a while: see nonblocking_loan.hpp.
#include "net/nonblocking_loan.hpp"

#include "base/simulated_descriptors.hpp"
#include "net/socket_options.hpp"

#include <algorithm>
#include <mutex>
#include <optional>
#include <vector>

#include <fcntl.h>
#include <linux/kcmp.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace tidegate::net {

namespace {

/// A descriptor whose description was blocking, and which description that is.
struct Loan {
  FileDescriptor descriptor;
  unsigned description = 0;
};

/// All of the process.
struct Loans {
  std::mutex mutex;
  std::vector<Loan> open;
  unsigned last_description = 0;
};

Loans& loans() {
  static Loans all;
  return all;
}

bool is_open_and_blocking(FileDescriptor descriptor) noexcept {
  const int flags = ::fcntl(descriptor.number, F_GETFL);
  return flags >= 0 && (flags & O_NONBLOCK) == 0;
}

/// Whether both refer to one description; none where the kernel can't be asked (no CONFIG_KCMP, or a
/// sandbox).
std::optional<bool> are_one_description(FileDescriptor one, FileDescriptor other) noexcept {
  const pid_t us = ::getpid();
  const long order = ::syscall(SYS_kcmp, us, us, KCMP_FILE, one.number, other.number);
  if (order < 0) return std::nullopt;
  return order == 0;
}

/// The same for two that are non-blocking: what is done to one shows on the other. Whoever reads or writes it
/// in another thread at that moment may block, so this is the last resort.
bool show_the_same_change(FileDescriptor one, FileDescriptor other) {
  set_nonblocking(one, false);
  const bool same = is_open_and_blocking(other);
  set_nonblocking(one, true);
  return same;
}

/// The loan on the description that this non-blocking descriptor refers to.
const Loan* loan_on_description_of(FileDescriptor descriptor, const std::vector<Loan>& open) {
  const auto found = std::find_if(open.begin(), open.end(), [&](const Loan& loan) {
    const std::optional<bool> same = are_one_description(descriptor, loan.descriptor);
    return same ? *same : show_the_same_change(descriptor, loan.descriptor);
  });
  return found == open.end() ? nullptr : &*found;
}

}  // namespace

NonblockingLoan::NonblockingLoan(FileDescriptor descriptor) {
  if (base::is_simulated(descriptor)) return;  // never blocking, and nobody else's
  Loans& all = loans();
  const std::lock_guard lock(all.mutex);
  all.open.reserve(all.open.size() + 1);
  Loan loan{descriptor, 0};
  if (set_nonblocking(descriptor)) {
    const Loan* shared = loan_on_description_of(descriptor, all.open);
    if (shared == nullptr) return;  // found so, left so
    loan.description = shared->description;
  } else {
    loan.description = ++all.last_description;
  }
  all.open.push_back(loan);
  descriptor_ = descriptor;
}

void NonblockingLoan::end() noexcept {
  const FileDescriptor ended = std::exchange(descriptor_, FileDescriptor());
  if (!ended.valid()) return;
  Loans& all = loans();
  const std::lock_guard lock(all.mutex);
  const auto found = std::find_if(all.open.begin(), all.open.end(),
                                  [&](const Loan& loan) { return loan.descriptor == ended; });
  const unsigned description = found->description;
  all.open.erase(found);
  const bool others = std::any_of(all.open.begin(), all.open.end(),
                                  [&](const Loan& loan) { return loan.description == description; });
  if (others) return;
  try {
    set_nonblocking(ended, false);
  } catch (const std::exception&) {
    // The descriptor was closed behind our back: there is nothing left to be put back through it.
  }
}

}  // namespace tidegate::net
