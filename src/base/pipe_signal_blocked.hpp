// No SIGPIPE for this thread, for a while: around calls that can't be told not to cause one.
#pragma once

#include <cerrno>
#include <csignal>
#include <ctime>

namespace tidegate::base {

/// Keeps SIGPIPE from this thread while it lives, and takes back one that a call has caused meanwhile. One
/// that was pending before stays so.
class PipeSignalBlocked {
 public:
  PipeSignalBlocked() noexcept {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
    if (sigismember(&before_, SIGPIPE) == 0) return;  // none was pending, or it would have been delivered
    sigset_t pending;
    sigemptyset(&pending);
    ::sigpending(&pending);
    was_pending_ = sigismember(&pending, SIGPIPE) == 1;
  }
  PipeSignalBlocked(const PipeSignalBlocked&) = delete;
  PipeSignalBlocked& operator=(const PipeSignalBlocked&) = delete;
  ~PipeSignalBlocked() {
    if (may_be_raised && !was_pending_) {
      const timespec at_once{};
      while (::sigtimedwait(&pipe_, nullptr, &at_once) < 0 && errno == EINTR) {
      }
    }
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

  /// Set by whoever made a call that may have caused one.
  bool may_be_raised = false;

 private:
  sigset_t pipe_;
  sigset_t before_;
  bool was_pending_ = false;
};

}  // namespace tidegate::base
