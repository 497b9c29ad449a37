// How a child is started: S2.
#include "contract/subprocess_rig.hpp"

#include <array>
#include <filesystem>
#include <stdexcept>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace tidegate::subprocess_rig {
namespace {

using ::testing::HasSubstr;

class SubprocessOptions_S2 : public SubprocessTest {
 protected:
  /// A file of the test's own, open for reading and writing.
  static OwnedFileDescriptor temporary_file() {
    std::string name = ::testing::TempDir() + "tidegate_child_XXXXXX";
    OwnedFileDescriptor file(FileDescriptor{::mkostemp(name.data(), O_CLOEXEC)});
    ::unlink(name.c_str());
    return file;
  }
  static std::string content_of(const OwnedFileDescriptor& file) {
    std::array<char, 1000> memory{};
    const ssize_t count = ::pread(file.get().number, memory.data(), memory.size(), 0);
    return {memory.data(), static_cast<std::size_t>(std::max<ssize_t>(count, 0))};
  }
};
TIDEGATE_BOTH_WAYS_OF_WATCHING(SubprocessOptions_S2);

TEST_P(SubprocessOptions_S2, an_open_descriptor_for_each_and_it_stays_the_callers) {
  const OwnedFileDescriptor in = temporary_file();
  const OwnedFileDescriptor out = temporary_file();
  const OwnedFileDescriptor err = temporary_file();
  ASSERT_EQ(::pwrite(in.get().number, "given\n", 6, 0), 6);
  const Recorder child = shell("cat; echo err >&2", {.standard_input = Stdio::descriptor(in.get()),
                                                     .standard_output = Stdio::descriptor(out.get()),
                                                     .standard_error = Stdio::descriptor(err.get())});
  for (const int fd : {0, 1, 2}) EXPECT_FALSE(child->transport->get_pipe_transport(fd));
  run_until_lost(child);
  EXPECT_EQ(content_of(out), "given\n");
  EXPECT_EQ(content_of(err), "err\n");
}

TEST_P(SubprocessOptions_S2, stderr_into_stdout) {
  EXPECT_EQ(output_of("echo a; echo b >&2; echo c", {.standard_error = Stdio::to_stdout()}), "a\nb\nc\n");
  const OwnedFileDescriptor file = temporary_file();
  run_until_lost(shell("echo a; echo b >&2", {.standard_output = Stdio::descriptor(file.get()),
                                              .standard_error = Stdio::to_stdout()}));
  EXPECT_EQ(content_of(file), "a\nb\n");
  EXPECT_THROW(shell("true", {.standard_output = Stdio::to_stdout()}), std::invalid_argument);
  EXPECT_THROW(shell("true", {.standard_input = Stdio::to_stdout()}), std::invalid_argument);
}

TEST_P(SubprocessOptions_S2, devnull_and_inherited) {
  EXPECT_EQ(output_of("cat | wc -c", {.standard_input = Stdio::devnull()}), "0\n");
  struct stat ours {};
  ::fstat(0, &ours);
  EXPECT_EQ(output_of("stat -L -c %i /proc/self/fd/0", {.standard_input = Stdio::inherit()}),
            std::to_string(ours.st_ino) + "\n");
}

TEST_P(SubprocessOptions_S2, descriptors_that_change_places) {
  // 1 of the child is made of our 2, and 2 of our 1: neither may be overwritten before it was used.
  const OwnedFileDescriptor one = temporary_file();
  const OwnedFileDescriptor two = temporary_file();
  const OwnedFileDescriptor kept_one(FileDescriptor{::fcntl(1, F_DUPFD_CLOEXEC, 3)});
  const OwnedFileDescriptor kept_two(FileDescriptor{::fcntl(2, F_DUPFD_CLOEXEC, 3)});
  ASSERT_EQ(::dup2(one.get().number, 1), 1);
  ASSERT_EQ(::dup2(two.get().number, 2), 2);
  const Recorder child =
      shell("echo out; echo err >&2", {.standard_output = Stdio::descriptor(FileDescriptor{2}),
                                       .standard_error = Stdio::descriptor(FileDescriptor{1})});
  ::dup2(kept_one.get().number, 1);
  ::dup2(kept_two.get().number, 2);
  run_until_lost(child);
  EXPECT_EQ(content_of(two), "out\n");
  EXPECT_EQ(content_of(one), "err\n");
}

TEST_P(SubprocessOptions_S2, the_environment_is_ours_or_exactly_what_was_given) {
  ::setenv("TIDEGATE_TEST_VARIABLE", "inherited", 1);
  EXPECT_EQ(output_of("echo $TIDEGATE_TEST_VARIABLE"), "inherited\n");
  const std::vector<std::string> lines{"PATH=/usr/bin:/bin", "GIVEN=this one"};
  EXPECT_EQ(output_of("echo \"$GIVEN$TIDEGATE_TEST_VARIABLE\"", {.environment = lines}), "this one\n");
  ::unsetenv("TIDEGATE_TEST_VARIABLE");
  // The child's PATH is where a program is searched for.
  const std::vector<std::string> nowhere{"PATH=/no/such/folder"};
  EXPECT_THROW(execute("true", {}, {.environment = nowhere}), OsError);
}

TEST_P(SubprocessOptions_S2, an_environment_that_is_none_is_refused) {
  const std::vector<std::string> environment{"A=1", "NOTHING"};
  EXPECT_THAT(
      loop_rig::thrown_text<std::invalid_argument>([&] { shell("true", {.environment = environment}); }),
      HasSubstr("\"NOTHING\", expected NAME=VALUE"));
}

TEST_P(SubprocessOptions_S2, the_arguments_arrive_as_they_are) {
  const Recorder child = execute("printf", {"%s|", "", "two words", "$HOME", "\"'*"});
  run_until_lost(child);
  EXPECT_EQ(child->output[1], "|two words|$HOME|\"'*|");
  EXPECT_THROW(execute("printf", {std::string("a\0b", 3)}), std::invalid_argument);
}

TEST_P(SubprocessOptions_S2, cwd) { EXPECT_EQ(output_of("pwd", {.cwd = "/usr"}), "/usr\n"); }

TEST_P(SubprocessOptions_S2, umask) {
  EXPECT_EQ(output_of("umask", {.umask = 0123U}), "0123\n");
  EXPECT_THROW(shell("true", {.umask = 01000U}), std::invalid_argument);
}

TEST_P(SubprocessOptions_S2, start_new_session) {
  const std::string own = std::to_string(::getsid(0)) + "\n";
  EXPECT_EQ(output_of("cut -d' ' -f6 /proc/$$/stat"), own);
  const Recorder child = shell("cut -d' ' -f6 /proc/$$/stat", {.start_new_session = true});
  run_until_lost(child);
  EXPECT_EQ(child->output[1], std::to_string(child->transport->get_pid()) + "\n");
}

TEST_P(SubprocessOptions_S2, process_group) {
  const Recorder leader = shell("cut -d' ' -f5 /proc/$$/stat; read wait", {.process_group = 0});
  ASSERT_TRUE(run_until([&] { return leader->output[1].ends_with('\n'); }));
  const int group = leader->transport->get_pid();
  EXPECT_EQ(leader->output[1], std::to_string(group) + "\n");
  EXPECT_EQ(output_of("cut -d' ' -f5 /proc/$$/stat", {.process_group = group}), std::to_string(group) + "\n");
  leader->transport->close();
  run_until_lost(leader);
  EXPECT_THAT(loop_rig::thrown_text<OsError>([&] { shell("true", {.process_group = 1}); }),
              HasSubstr("process_group"));
}

TEST_P(SubprocessOptions_S2, no_other_descriptor_gets_there) {
  // One that is close-on-exec, one that is not, and one far up.
  const OwnedFileDescriptor file = temporary_file();
  const OwnedFileDescriptor leaks(FileDescriptor{::fcntl(file.get().number, F_DUPFD, 40)});
  const OwnedFileDescriptor far(FileDescriptor{::fcntl(file.get().number, F_DUPFD, 900)});
  // 3 is what `ls` itself has open.
  EXPECT_EQ(output_of("exec ls /proc/self/fd"), "0\n1\n2\n3\n");
  const std::string left = output_of("exec ls /proc/self/fd", {.close_fds = false});
  EXPECT_THAT(left, HasSubstr("\n" + std::to_string(leaks.get().number) + "\n"));
  EXPECT_THAT(left, HasSubstr("\n" + std::to_string(far.get().number) + "\n"));
}

TEST_P(SubprocessOptions_S2, pass_fds_stay_under_their_numbers_and_nothing_between_them) {
  const OwnedFileDescriptor file = temporary_file();
  const OwnedFileDescriptor low(FileDescriptor{::fcntl(file.get().number, F_DUPFD_CLOEXEC, 40)});
  const OwnedFileDescriptor between(FileDescriptor{::fcntl(file.get().number, F_DUPFD, 41)});
  const OwnedFileDescriptor high(FileDescriptor{::fcntl(file.get().number, F_DUPFD_CLOEXEC, 900)});
  const std::array<FileDescriptor, 3> passed{high.get(), low.get(), high.get()};
  EXPECT_EQ(output_of("exec ls /proc/self/fd | sort -n | tr '\\n' ' '", {.pass_fds = passed}),
            "0 1 2 3 " + std::to_string(low.get().number) + " " + std::to_string(high.get().number) + " ");
  EXPECT_NE(::fcntl(low.get().number, F_GETFD) & FD_CLOEXEC, 0) << "ours is left as it was";
  const std::array<FileDescriptor, 1> closed{FileDescriptor{1'000'000}};
  EXPECT_THAT(loop_rig::thrown_text<OsError>([&] { shell("true", {.pass_fds = closed}); }),
              HasSubstr("pass_fds"));
}

TEST_P(SubprocessOptions_S2, signals_are_as_a_program_expects_them) {
  struct sigaction before_pipe {};
  struct sigaction before_user {};
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  ::sigaction(SIGPIPE, &ignore, &before_pipe);
  ::sigaction(SIGUSR2, &ignore, &before_user);
  sigset_t block;
  sigset_t before_mask;
  sigemptyset(&block);
  sigaddset(&block, SIGUSR1);
  sigaddset(&block, SIGRTMIN + 1);
  ::pthread_sigmask(SIG_BLOCK, &block, &before_mask);
  const std::string said = output_of("exec sed -n '/^Sig[BIC]/p' /proc/self/status");
  ::pthread_sigmask(SIG_SETMASK, &before_mask, nullptr);
  ::sigaction(SIGPIPE, &before_pipe, nullptr);
  ::sigaction(SIGUSR2, &before_user, nullptr);
  EXPECT_EQ(said, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\nSigCgt:\t0000000000000000\n");
}

TEST_P(SubprocessOptions_S2, an_empty_name_or_no_number_is_nobody_and_not_who_we_are) {
  const std::string from_a_configuration;
  EXPECT_THROW(shell("true", {.user = std::string_view(from_a_configuration)}), std::invalid_argument);
  EXPECT_THROW(shell("true", {.group = ""}), std::invalid_argument);
  EXPECT_THROW(shell("true", {.user = static_cast<unsigned>(-1)}), std::invalid_argument);
  EXPECT_THROW(shell("true", {.group = static_cast<unsigned>(-1)}), std::invalid_argument);
}

TEST_P(SubprocessOptions_S2, another_user_and_group) {
  if (::geteuid() != 0) {
    EXPECT_THAT(loop_rig::thrown_text<OsError>([&] { shell("true", {.user = 0U}); }), HasSubstr("user"));
    GTEST_SKIP() << "only root may become somebody else";
  }
  const std::array<unsigned, 2> groups{4321, 4322};
  EXPECT_EQ(output_of("id -u; id -g; id -G", {.user = 12345U, .group = 23456U, .extra_groups = groups}),
            "12345\n23456\n23456 4321 4322\n");
  EXPECT_EQ(output_of("id -un", {.user = "nobody"}), "nobody\n");
  EXPECT_THROW(shell("true", {.user = "no-such-user-here"}), std::invalid_argument);
  EXPECT_THROW(shell("true", {.group = "no-such-group-here"}), std::invalid_argument);
  // What fails in a child with memory of its own is told as well.
  EXPECT_THROW(execute("tidegate-no-such-program", {}, {.user = 12345U}), OsError);
}

TEST_P(SubprocessOptions_S2, the_shell_is_bin_sh) { EXPECT_EQ(output_of("echo $0"), "/bin/sh\n"); }

}  // namespace
}  // namespace tidegate::subprocess_rig
