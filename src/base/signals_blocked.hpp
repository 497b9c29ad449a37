// No signals for this thread, for a while.
#pragma once

#include <csignal>

namespace tidegate::base {

/// Blocks every signal for the present thread while it lives. A thread that is started meanwhile keeps them
/// blocked: signals belong to the threads that the program knows of.
class SignalsBlocked {
 public:
  SignalsBlocked() noexcept {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
};

}  // namespace tidegate::base
