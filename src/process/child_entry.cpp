// What a child does before its program: see child_entry.hpp.
//
// Raw system calls throughout. The wrappers of the C library for setuid and its kin have every thread do the
// same, those for signals refuse the library's own ones, and in memory that is shared with the parent both
// would be the parent's business.
#include "process/child_entry.hpp"

#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdint>
#include <cstdlib>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

// A sanitizer must not write down in shared memory what it thinks of a stack that ends with an exec.
#define TIDEGATE_IN_CHILD __attribute__((no_sanitize("address", "undefined"), no_sanitize_thread))

namespace tidegate::process {

namespace {

constexpr int kFirstOther = 3;
constexpr int kSignals = 64;
constexpr std::size_t kSignalSetBytes = 8;
constexpr int kExitOfFailure = 127;

[[noreturn]] TIDEGATE_IN_CHILD void fail(const ChildOrders& orders, SpawnStep step, int error) noexcept {
  orders.failure->error = error;
  orders.failure->step = step;
  for (;;) ::syscall(SYS_exit_group, kExitOfFailure);
}

TIDEGATE_IN_CHILD void check(long result, const ChildOrders& orders, SpawnStep step) noexcept {
  if (result < 0) fail(orders, step, errno);
}

/// 0, 1 and 2 may be made of each other in any order: what is one of them is moved out of the way first.
TIDEGATE_IN_CHILD void set_standard_descriptors(const ChildOrders& orders) noexcept {
  int sources[kFirstOther];
  for (int target = 0; target < kFirstOther; ++target) {
    sources[target] = orders.standard[static_cast<std::size_t>(target)];
    if (sources[target] < 0 || sources[target] >= kFirstOther) continue;
    sources[target] = static_cast<int>(::syscall(SYS_fcntl, sources[target], F_DUPFD_CLOEXEC, kFirstOther));
    check(sources[target], orders, SpawnStep::standard_descriptors);
  }
  for (int target = 0; target < kFirstOther; ++target) {
    if (sources[target] < 0) continue;
    check(::syscall(SYS_dup3, sources[target], target, 0), orders, SpawnStep::standard_descriptors);
  }
}

TIDEGATE_IN_CHILD void let_pass(const ChildOrders& orders) noexcept {
  for (std::size_t index = 0; index < orders.passed_count; ++index)
    check(::syscall(SYS_fcntl, orders.passed[index], F_SETFD, 0), orders, SpawnStep::pass_fds);
}

/// An exec resets what is caught, but leaves ignored what was ignored; and a handler must not run in here
/// once signals are let in.
TIDEGATE_IN_CHILD void reset_signals() noexcept {
  const std::uint64_t default_action[8] = {};  // struct sigaction as the kernel has it: SIG_DFL, no flags
  for (int number = 1; number <= kSignals; ++number) {
    if (number == SIGKILL || number == SIGSTOP) continue;
    ::syscall(SYS_rt_sigaction, number, default_action, nullptr, kSignalSetBytes);
  }
}

TIDEGATE_IN_CHILD void let_signals_in() noexcept {
  const std::uint64_t none = 0;
  ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, nullptr, kSignalSetBytes);
}

// --- closing what must not leak ------------------------------------------------------------------

TIDEGATE_IN_CHILD bool is_passed(const ChildOrders& orders, int descriptor) noexcept {
  for (std::size_t index = 0; index < orders.passed_count; ++index) {
    if (orders.passed[index] == descriptor) return true;
  }
  return false;
}

/// False where the kernel has no close_range (Linux 5.9), or a sandbox does not allow it.
TIDEGATE_IN_CHILD bool close_ranges(const ChildOrders& orders) noexcept {
  unsigned first = kFirstOther;
  for (std::size_t index = 0; index < orders.passed_count; ++index) {
    const auto kept = static_cast<unsigned>(orders.passed[index]);
    if (kept < kFirstOther) continue;
    if (kept > first && ::syscall(SYS_close_range, first, kept - 1, 0) != 0) return false;
    first = kept + 1;
  }
  return ::syscall(SYS_close_range, first, UINT_MAX, 0) == 0;
}

/// As the kernel writes it (getdents64).
struct FolderEntry {
  std::uint64_t inode;
  std::int64_t next;
  unsigned short size;
  unsigned char type;
  char name[1];
};

/// The number that a name is; -1 for "." and "..".
TIDEGATE_IN_CHILD int number_of(const char* name) noexcept {
  int number = 0;
  if (*name == '\0') return -1;
  for (; *name != '\0'; ++name) {
    if (*name < '0' || *name > '9') return -1;
    number = number * 10 + (*name - '0');
  }
  return number;
}

/// False where there is no /proc.
TIDEGATE_IN_CHILD bool close_listed(const ChildOrders& orders) noexcept {
  const long folder = ::syscall(SYS_openat, AT_FDCWD, "/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return false;
  alignas(FolderEntry) char entries[2048];
  for (;;) {
    const long size = ::syscall(SYS_getdents64, folder, entries, sizeof entries);
    if (size <= 0) break;
    for (long at = 0; at < size;) {
      const auto* entry = reinterpret_cast<const FolderEntry*>(entries + at);
      const int number = number_of(entry->name);
      if (number >= kFirstOther && number != folder && !is_passed(orders, number))
        ::syscall(SYS_close, number);
      at += entry->size;
    }
  }
  ::syscall(SYS_close, folder);
  return true;
}

TIDEGATE_IN_CHILD void close_one_by_one(const ChildOrders& orders) noexcept {
  constexpr rlim_t kMost = 1U << 20U;
  rlimit limit{};
  ::syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, nullptr, &limit);
  const rlim_t end = limit.rlim_cur < kMost ? limit.rlim_cur : kMost;
  for (int number = kFirstOther; static_cast<rlim_t>(number) < end; ++number) {
    if (!is_passed(orders, number)) ::syscall(SYS_close, number);
  }
}

TIDEGATE_IN_CHILD void close_others(const ChildOrders& orders) noexcept {
  if (!close_ranges(orders) && !close_listed(orders)) close_one_by_one(orders);
}

// --- who it is, and its program ------------------------------------------------------------------

TIDEGATE_IN_CHILD void set_identity(const ChildOrders& orders) noexcept {
  if (orders.sets_groups)
    check(::syscall(SYS_setgroups, orders.group_count, orders.groups), orders, SpawnStep::groups);
  if (orders.sets_group)
    check(::syscall(SYS_setresgid, orders.group, orders.group, orders.group), orders, SpawnStep::group);
  if (orders.sets_user)
    check(::syscall(SYS_setresuid, orders.user, orders.user, orders.user), orders, SpawnStep::user);
}

/// Of several errors, the first that is not about the program's being elsewhere.
[[noreturn]] TIDEGATE_IN_CHILD void execute(const ChildOrders& orders) noexcept {
  int telling = 0;
  int last = ENOENT;
  for (const char* const* program = orders.programs; *program != nullptr; ++program) {
    ::syscall(SYS_execve, *program, orders.arguments, orders.environment);
    last = errno;
    if (telling == 0 && last != ENOENT && last != ENOTDIR) telling = last;
  }
  fail(orders, SpawnStep::execute, telling != 0 ? telling : last);
}

}  // namespace

TIDEGATE_IN_CHILD int run_child(void* given) noexcept {
  const ChildOrders& orders = *static_cast<const ChildOrders*>(given);
  set_standard_descriptors(orders);
  let_pass(orders);
  if (orders.directory != nullptr) check(::syscall(SYS_chdir, orders.directory), orders, SpawnStep::cwd);
  if (orders.sets_umask) ::syscall(SYS_umask, orders.umask);  // can't fail
  reset_signals();
  if (orders.new_session) check(::syscall(SYS_setsid), orders, SpawnStep::new_session);
  if (orders.sets_process_group)
    check(::syscall(SYS_setpgid, 0, orders.process_group), orders, SpawnStep::process_group);
  set_identity(orders);
  if (orders.close_others) close_others(orders);
  let_signals_in();
  execute(orders);
}

}  // namespace tidegate::process
