// A child process: see child.hpp.
#include "process/child.hpp"

#include "base/log.hpp"

#include <cerrno>
#include <csignal>

#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace tidegate::process {

namespace {

constexpr int kUnknownStatus = 255;                   // what Python reports
constexpr auto kByHandle = static_cast<idtype_t>(3);  // P_PIDFD, which not every C library names

}  // namespace

/// 0, or an errno; ECHILD where somebody else has reaped it.
int Child::reap_with(int options) noexcept {
  const bool by_handle = handle_.valid();
  siginfo_t info{};
  int outcome = 0;
  do {
    outcome = ::waitid(by_handle ? kByHandle : P_PID,
                       static_cast<id_t>(by_handle ? handle_.get().number : pid_), &info, WEXITED | options);
  } while (outcome != 0 && errno == EINTR);
  if (outcome != 0) return errno;
  if (info.si_pid != 0) returncode_ = info.si_code == CLD_EXITED ? info.si_status : -info.si_status;
  return 0;
}

std::optional<int> Child::reap() noexcept {
  if (!returncode_ && reap_with(WNOHANG) != 0) {
    base::log(LogLevel::warning,
              "a child process was reaped by somebody else (or SIGCHLD is ignored), its return code is "
              "reported as 255");
    returncode_ = kUnknownStatus;
  }
  return returncode_;
}

int Child::wait() noexcept {
  if (!returncode_ && reap_with(0) != 0) returncode_ = kUnknownStatus;
  return *returncode_;
}

std::error_code Child::send_signal(int number) const noexcept {
  if (returncode_) return {};
  const long outcome = handle_.valid()
                           ? ::syscall(SYS_pidfd_send_signal, handle_.get().number, number, nullptr, 0)
                           : ::kill(pid_, number);
  if (outcome == 0 || errno == ESRCH) return {};
  return {errno, std::system_category()};
}

void wait_for_end(pid_t pid) noexcept {
  siginfo_t info{};
  while (::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT) != 0 && errno == EINTR) {
  }
}

}  // namespace tidegate::process
