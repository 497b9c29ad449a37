// Writing to what is no socket, on kernels that can't be asked not to signal: never SIGPIPE (W3).
#include "kernel/file_calls.hpp"

#include "support/refused_calls.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <string>
#include <string_view>
#include <system_error>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace tidegate::kernel::testing {
namespace {

constexpr int kCannot = 77;
constexpr int kFine = 0;

/// Runs `work` in a process of its own, in which pwritev2 is refused with `error`. Its result is that of
/// `work`, or a signal's number below zero.
template <typename Work>
int where_pwritev2_is_refused(int error, const Work& work) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::signal(SIGPIPE, SIG_DFL);
    try {
      tidegate::testing::refuse_call(SYS_pwritev2, error);
    } catch (const std::system_error&) {
      ::_exit(kCannot);
    }
    ::_exit(work());
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

std::ptrdiff_t write_text(int number, std::string_view text) {
  const iovec piece{.iov_base = const_cast<char*>(text.data()), .iov_len = text.size()};
  return write_now(FileDescriptor{number}, {&piece, 1});
}

bool is_pending(int number) {
  sigset_t pending;
  ::sigpending(&pending);
  return sigismember(&pending, number) == 1;
}

bool is_blocked(int number) {
  sigset_t blocked;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
  return sigismember(&blocked, number) == 1;
}

struct Pipe {
  Pipe() { static_cast<void>(!::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK)); }
  std::array<int, 2> ends{-1, -1};
};

class FileCalls : public ::testing::TestWithParam<int> {};

TEST_P(FileCalls, a_write_arrives_and_one_to_nobody_is_an_error_and_no_signal) {
  const int result = where_pwritev2_is_refused(GetParam(), [] {
    const Pipe pipe;
    std::array<char, 10> arrived{};
    if (write_text(pipe.ends[1], "tide") != 4) return 1;
    if (::read(pipe.ends[0], arrived.data(), arrived.size()) != 4) return 2;
    ::close(pipe.ends[0]);
    for (int count = 0; count < 3; ++count) {
      if (write_text(pipe.ends[1], "lost") != -EPIPE) return 3;
    }
    if (is_pending(SIGPIPE)) return 4;
    return is_blocked(SIGPIPE) ? 5 : kFine;
  });
  if (result == kCannot) GTEST_SKIP() << "no seccomp here";
  EXPECT_EQ(result, kFine);
}

TEST_P(FileCalls, a_full_pipe_is_no_error_and_no_signal) {
  const int result = where_pwritev2_is_refused(GetParam(), [] {
    const Pipe pipe;
    const std::string much(1'000'000, 'x');
    if (write_text(pipe.ends[1], much) <= 0) return 1;
    if (write_text(pipe.ends[1], much) != -EAGAIN) return 2;
    return is_blocked(SIGPIPE) ? 3 : kFine;
  });
  if (result == kCannot) GTEST_SKIP() << "no seccomp here";
  EXPECT_EQ(result, kFine);
}

TEST_P(FileCalls, a_signal_that_was_waiting_before_still_waits_and_the_mask_is_as_it_was) {
  const int result = where_pwritev2_is_refused(GetParam(), [] {
    sigset_t pipe_signal;
    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &pipe_signal, nullptr);
    const Pipe pipe;
    ::close(pipe.ends[0]);
    if (write_text(pipe.ends[1], "lost") != -EPIPE) return 1;
    if (is_pending(SIGPIPE)) return 2;
    ::raise(SIGPIPE);  // the program's own business
    if (write_text(pipe.ends[1], "lost") != -EPIPE) return 3;
    if (!is_pending(SIGPIPE)) return 4;
    return is_blocked(SIGPIPE) ? kFine : 5;
  });
  if (result == kCannot) GTEST_SKIP() << "no seccomp here";
  EXPECT_EQ(result, kFine);
}

// What kernels before 6.18 and what sandboxes say.
INSTANTIATE_TEST_SUITE_P(Refused, FileCalls, ::testing::Values(EOPNOTSUPP, ENOSYS, EPERM, EINVAL));

}  // namespace
}  // namespace tidegate::kernel::testing
