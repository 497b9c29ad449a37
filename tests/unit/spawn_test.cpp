// Starting programs, without a loop. What a child is given is tested as contract S2 in
// tests/contract/subprocess_options_test.cpp; here is what a program can't see from outside.
#include "process/spawn.hpp"

#include <tidegate/error.hpp>

#include "support/open_descriptors.hpp"
#include "support/refused_calls.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <system_error>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace tidegate::process {
namespace {

using ::testing::HasSubstr;

SpawnPlan plan_of(const std::string& program, const std::vector<std::string>& arguments = {}) {
  SpawnPlan plan;
  plan.program = program;
  plan.arguments = {program};
  plan.arguments.insert(plan.arguments.end(), arguments.begin(), arguments.end());
  return plan;
}

struct Pipe {
  Pipe() {
    std::array<int, 2> numbers{-1, -1};
    EXPECT_EQ(::pipe2(numbers.data(), O_CLOEXEC), 0);
    reads = OwnedFileDescriptor(FileDescriptor{numbers[0]});
    writes = OwnedFileDescriptor(FileDescriptor{numbers[1]});
  }
  OwnedFileDescriptor reads;
  OwnedFileDescriptor writes;
};

std::string read_all(const OwnedFileDescriptor& pipe) {
  std::string all;
  std::array<char, 4096> memory{};
  for (;;) {
    const ssize_t count = ::read(pipe.get().number, memory.data(), memory.size());
    if (count <= 0) return all;
    all.append(memory.data(), static_cast<std::size_t>(count));
  }
}

bool has_children() {
  siginfo_t info{};
  return ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 || errno != ECHILD;
}

TEST(Spawn, a_program_runs_and_is_reaped_once) {
  Child child = spawn(plan_of("sh", {"-c", "exit 7"}));
  EXPECT_GT(child.pid(), 1);
  EXPECT_EQ(child.wait(), 7);
  EXPECT_EQ(child.reap(), 7);
  EXPECT_EQ(child.returncode(), 7);
  EXPECT_FALSE(child.send_signal(SIGKILL)) << "nobody is signalled, and that is no error";
  EXPECT_FALSE(has_children());
}

TEST(Spawn, reaping_one_that_runs_finds_nothing) {
  Child child = spawn(plan_of("sleep", {"100"}));
  EXPECT_FALSE(child.reap());
  EXPECT_FALSE(child.send_signal(SIGTERM));
  EXPECT_EQ(child.wait(), -SIGTERM);
}

TEST(Spawn, what_fails_is_told_with_its_step_and_leaves_nothing) {
  const auto before = testing::open_descriptors();
  const auto failure_of = [](const SpawnPlan& plan) {
    try {
      spawn(plan).wait();
    } catch (const OsError& error) {
      return std::string(error.what()) + " #" + std::to_string(error.code().value());
    }
    return std::string("nothing");
  };
  EXPECT_THAT(failure_of(plan_of("/no/such/program")), HasSubstr("start /no/such/program"));
  SpawnPlan plan = plan_of("true");
  plan.directory = "/no/such/folder";
  EXPECT_THAT(failure_of(plan), HasSubstr("start true: cwd /no/such/folder"));
  EXPECT_THAT(failure_of(plan), HasSubstr("#" + std::to_string(ENOENT)));
  plan = plan_of("true");
  plan.standard[1] = FileDescriptor{1'000'000};
  EXPECT_THAT(failure_of(plan), HasSubstr("stdin, stdout and stderr"));
  plan = plan_of("true");
  plan.passed = {FileDescriptor{1'000'000}};
  EXPECT_THAT(failure_of(plan), HasSubstr("pass_fds"));
  EXPECT_FALSE(has_children());
  EXPECT_EQ(testing::difference(before, testing::open_descriptors()), "");
}

TEST(Spawn, of_several_places_the_first_telling_error_counts) {
  SpawnPlan plan = plan_of("passwd");
  plan.environment = std::vector<std::string>{"PATH=/no/such/folder:/etc:/no/such/folder/either"};
  try {
    spawn(plan).wait();
    FAIL() << "it was started";
  } catch (const OsError& error) {
    EXPECT_EQ(error.code().value(), EACCES);
  }
}

TEST(Spawn, the_parents_signals_are_as_before) {
  sigset_t block;
  sigset_t before;
  sigset_t after;
  sigemptyset(&block);
  sigaddset(&block, SIGUSR2);
  ::pthread_sigmask(SIG_BLOCK, &block, &before);
  struct sigaction ignore {};
  struct sigaction action_before {};
  struct sigaction action_after {};
  ignore.sa_handler = SIG_IGN;
  ::sigaction(SIGUSR1, &ignore, &action_before);
  spawn(plan_of("true")).wait();
  ::sigaction(SIGUSR1, &action_before, &action_after);
  ::pthread_sigmask(SIG_SETMASK, &before, &after);
  EXPECT_EQ(action_after.sa_handler, SIG_IGN);
  EXPECT_EQ(sigismember(&after, SIGUSR2), 1);
}

/// fork() write-protects all memory, and every page that is written to afterwards costs a fault.
TEST(Spawn, the_parents_memory_is_not_touched_however_much_it_is) {
  constexpr std::size_t kBytes = std::size_t{64} * 1024 * 1024;
  constexpr std::size_t kPage = 4096;
  void* mapped =
      ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  ASSERT_NE(mapped, MAP_FAILED);
  auto* memory = static_cast<volatile char*>(mapped);
  const auto faults = [] {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    return usage.ru_minflt;
  };
  const auto faults_of_writing = [&] {
    const long before = faults();
    for (std::size_t at = 0; at < kBytes; at += kPage) memory[at] = 'x';
    return faults() - before;
  };
  static_cast<void>(faults_of_writing());
  Child child = spawn(plan_of("sleep", {"100"}));
  EXPECT_LT(faults_of_writing(), 100);
  static_cast<void>(child.send_signal(SIGKILL));
  child.wait();
  ::munmap(mapped, kBytes);
}

/// Has no folder opened by this process and its children, for good: as where there is no /proc, and little
/// else.
bool refuse_folders() {
  constexpr auto kFlags = offsetof(seccomp_data, args) + 2 * sizeof(std::uint64_t);  // those of openat
  std::array<sock_filter, 6> program{{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kFlags),
      BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, O_DIRECTORY, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOENT),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  }};
  const sock_fprog filter{program.size(), program.data()};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

bool refuse(long number, int error) {
  try {
    testing::refuse_call(number, error);
  } catch (const std::system_error&) {
    return false;
  }
  return true;
}

/// Runs `work` in a process of its own, which may do to itself what it likes. Its result is that of `work`.
template <typename Work>
int in_another_process(const Work& work) {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(work());
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

constexpr int kCannot = 77;

TEST(Spawn, without_close_range_nothing_leaks_either) {
  const int result = in_another_process([] {
    if (!refuse(SYS_close_range, ENOSYS)) return kCannot;
    Pipe pipe;
    ::fcntl(pipe.reads.get().number, F_DUPFD, 40);
    const int passed = ::fcntl(pipe.reads.get().number, F_DUPFD, 200);
    for (int count = 0; count < 300; ++count) ::fcntl(pipe.reads.get().number, F_DUPFD, 300);  // many lines
    // Those beyond what may be opened now are open all the same, and only a list of them tells.
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = 100;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    SpawnPlan plan = plan_of("ls", {"/proc/self/fd"});
    plan.standard[1] = pipe.writes.get();
    plan.passed = {FileDescriptor{passed}};
    Child child = spawn(plan);
    pipe.writes.reset();
    child.wait();
    // By name; 3 is what `ls` itself has open.
    return read_all(pipe.reads) == "0\n1\n2\n" + std::to_string(passed) + "\n3\n" ? 0 : 1;
  });
  if (result == kCannot) GTEST_SKIP() << "no seccomp here";
  EXPECT_EQ(result, 0);
}

TEST(Spawn, with_neither_close_range_nor_proc_nothing_leaks_either) {
  const int result = in_another_process([] {
    Pipe pipe;
    ::fcntl(pipe.reads.get().number, F_DUPFD, 40);
    const int passed = ::fcntl(pipe.reads.get().number, F_DUPFD, 200);
    ::fcntl(pipe.reads.get().number, F_DUPFD, 900);
    if (!refuse(SYS_close_range, ENOSYS) || !refuse_folders()) return kCannot;
    // Tried one by one, for the child can't look into a folder either.
    SpawnPlan plan = plan_of("sh", {"-c",
                                    "for number in 3 39 40 41 199 200 201 900; do"
                                    " [ -e /proc/self/fd/$number ] && echo $number; done; echo over"});
    plan.standard[1] = pipe.writes.get();
    plan.passed = {FileDescriptor{passed}};
    Child child = spawn(plan);
    pipe.writes.reset();
    child.wait();
    return read_all(pipe.reads) == std::to_string(passed) + "\nover\n" ? 0 : 1;
  });
  if (result == kCannot) GTEST_SKIP() << "no seccomp here";
  EXPECT_EQ(result, 0);
}

TEST(Spawn, without_descriptors_of_processes_a_child_is_known_by_its_number) {
  const int result = in_another_process([] {
    ::setenv("TIDEGATE_PIDFD", "0", 1);
    Child child = spawn(plan_of("sleep", {"100"}));
    if (child.handle().valid()) return 1;
    if (child.send_signal(SIGTERM)) return 2;
    return child.wait() == -SIGTERM ? 0 : 3;
  });
  EXPECT_EQ(result, 0);
}

TEST(Spawn, texts_with_a_nul_in_them_are_refused) {
  EXPECT_THROW(static_cast<void>(spawn(plan_of(std::string("tr\0ue", 5)))), std::invalid_argument);
  EXPECT_THROW(static_cast<void>(spawn(plan_of("true", {std::string("\0", 1)}))), std::invalid_argument);
  SpawnPlan plan = plan_of("true");
  plan.environment = std::vector<std::string>{std::string("A=\0", 3)};
  EXPECT_THROW(static_cast<void>(spawn(plan)), std::invalid_argument);
}

}  // namespace
}  // namespace tidegate::process
