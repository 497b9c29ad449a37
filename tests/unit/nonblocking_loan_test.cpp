// O_NONBLOCK for a while, put back as found: with and without a kernel that says which descriptors are one
// description. What transports make of it is contract P4, in tests/contract/pipe_sharing_test.cpp.
#include "net/nonblocking_loan.hpp"

#include "support/refused_calls.hpp"

#include <array>
#include <cerrno>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace tidegate::net {
namespace {

constexpr int kCannot = 77;

/// The reading end of a pipe, blocking, and another number for it; and one of another pipe.
struct Descriptors {
  Descriptors() : one(open_pipe()), same(duplicate(one)), other(open_pipe()) {}

  static OwnedFileDescriptor open_pipe() {
    std::array<int, 2> numbers{-1, -1};
    EXPECT_EQ(::pipe2(numbers.data(), O_CLOEXEC), 0);
    ::close(numbers[1]);
    return OwnedFileDescriptor(FileDescriptor{numbers[0]});
  }
  static OwnedFileDescriptor duplicate(const OwnedFileDescriptor& descriptor) {
    return OwnedFileDescriptor(FileDescriptor{::fcntl(descriptor.get().number, F_DUPFD_CLOEXEC, 3)});
  }

  OwnedFileDescriptor one;
  OwnedFileDescriptor same;
  OwnedFileDescriptor other;
};

bool blocks(const OwnedFileDescriptor& descriptor) {
  return (::fcntl(descriptor.get().number, F_GETFL) & O_NONBLOCK) == 0;
}

/// Where the kernel answers, and where a sandbox refuses to: in a process of its own, for that is for good.
class NonblockingLoans : public ::testing::TestWithParam<bool> {
 protected:
  /// `work` returns 0, or the number of what went wrong.
  template <typename Work>
  void expect_fine(const Work& work) {
    const pid_t pid = ::fork();
    if (pid == 0) {
      try {
        if (!GetParam()) tidegate::testing::refuse_call(SYS_kcmp, EPERM);
      } catch (const std::system_error&) {
        ::_exit(kCannot);
      }
      ::_exit(work());
    }
    int status = 0;
    ::waitpid(pid, &status, 0);
    ASSERT_TRUE(WIFEXITED(status)) << status;
    if (WEXITSTATUS(status) == kCannot) GTEST_SKIP() << "no seccomp here";
    EXPECT_EQ(WEXITSTATUS(status), 0);
  }
};

TEST_P(NonblockingLoans, a_loan_lasts_as_long_as_it_lives) {
  expect_fine([] {
    const Descriptors descriptors;
    {
      NonblockingLoan loan(descriptors.one.get());
      if (blocks(descriptors.one) || blocks(descriptors.same) || !blocks(descriptors.other)) return 1;
      const NonblockingLoan moved(std::move(loan));
      loan.end();
      if (blocks(descriptors.one)) return 2;
    }
    return blocks(descriptors.one) ? 0 : 3;
  });
}

TEST_P(NonblockingLoans, what_was_non_blocking_stays_so) {
  expect_fine([] {
    const Descriptors descriptors;
    ::fcntl(descriptors.one.get().number, F_SETFL, O_NONBLOCK);
    std::optional<NonblockingLoan> of_other(std::in_place, descriptors.other.get());
    std::optional<NonblockingLoan> loan(std::in_place, descriptors.one.get());
    of_other.reset();
    if (!blocks(descriptors.other) || blocks(descriptors.one)) return 1;
    loan.reset();
    return blocks(descriptors.one) ? 2 : 0;
  });
}

TEST_P(NonblockingLoans, of_two_on_one_description_the_last_puts_it_back) {
  expect_fine([] {
    const Descriptors descriptors;
    for (const bool first_ends_first : {true, false}) {
      std::optional<NonblockingLoan> first(std::in_place, descriptors.one.get());
      std::optional<NonblockingLoan> between(std::in_place, descriptors.other.get());
      std::optional<NonblockingLoan> second(std::in_place, descriptors.same.get());
      (first_ends_first ? first : second).reset();
      if (blocks(descriptors.one)) return 1;
      between.reset();
      if (!blocks(descriptors.other) || blocks(descriptors.one)) return 2;
      (first_ends_first ? second : first).reset();
      if (!blocks(descriptors.one)) return 3;
    }
    return 0;
  });
}

TEST_P(NonblockingLoans, one_that_was_closed_behind_our_back_is_no_error) {
  expect_fine([] {
    Descriptors descriptors;
    NonblockingLoan loan(descriptors.one.get());
    descriptors.one.reset();
    // It is taken for nobody's: this one was found non-blocking.
    ::fcntl(descriptors.other.get().number, F_SETFL, O_NONBLOCK);
    NonblockingLoan of_other(descriptors.other.get());
    loan.end();
    of_other.end();
    if (blocks(descriptors.other)) return 1;
    return blocks(descriptors.same) ? 2 : 0;  // there was no way left to put it back
  });
}

INSTANTIATE_TEST_SUITE_P(Kernel, NonblockingLoans, ::testing::Bool(), [](const auto& info) {
  return std::string(info.param ? "that_answers" : "that_refuses_to");
});

}  // namespace
}  // namespace tidegate::net
