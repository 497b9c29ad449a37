// Subprocesses from their start to their end: S1, S3, S4, S5, S6.
#include "contract/subprocess_rig.hpp"
#include "support/refused_calls.hpp"

#include <algorithm>
#include <any>
#include <array>
#include <cerrno>
#include <csignal>
#include <stdexcept>
#include <system_error>
#include <thread>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace tidegate::subprocess_rig {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

class SubprocessLifecycle : public SubprocessTest {};
TIDEGATE_BOTH_WAYS_OF_WATCHING(SubprocessLifecycle);

TEST_P(SubprocessLifecycle, S1_everything_is_told_once_and_connection_lost_comes_last) {
  const Recorder child = shell("echo out; echo err >&2; exit 3");
  run_until_lost(child);
  EXPECT_EQ(child->output[1], "out\n");
  EXPECT_EQ(child->output[2], "err\n");
  EXPECT_EQ(child->returncode, 3);
  EXPECT_THAT(child->calls,
              UnorderedElementsAre("made", "pipe 0 lost", "pipe 1 lost", "pipe 2 lost", "exited", "lost"));
  EXPECT_EQ(child->calls.back(), "lost");
  EXPECT_FALSE(child->lost_reason);
  for (const Error& reason : child->pipe_reasons) EXPECT_FALSE(reason) << reason.message();
}

TEST_P(SubprocessLifecycle, S1_without_pipes_the_exit_is_all_there_is) {
  const Recorder child = execute("true", {},
                                 {.standard_input = Stdio::devnull(),
                                  .standard_output = Stdio::devnull(),
                                  .standard_error = Stdio::devnull()});
  run_until_lost(child);
  EXPECT_THAT(child->calls, ElementsAre("made", "exited", "lost"));
  EXPECT_EQ(child->returncode, 0);
}

TEST_P(SubprocessLifecycle, S1_no_output_is_lost_at_the_exit) {
  for (int round = 0; round < 20; ++round) {
    const Recorder child = shell("head -c 200000 /dev/zero");
    run_until_lost(child);
    EXPECT_EQ(child->output[1].size(), 200'000U) << round;
  }
}

TEST_P(SubprocessLifecycle, S1_a_grandchild_that_holds_a_pipe_is_waited_for_but_not_by_process_exited) {
  auto [reads, writes] = loop_rig::make_pipe();
  ::fcntl(reads.get().number, F_SETFL, 0);
  const std::array<FileDescriptor, 1> passed{reads.get()};
  const std::string command = "(read go <&" + std::to_string(reads.get().number) + "; echo late) & exit 0";
  const Recorder child = shell(command, {.pass_fds = passed});
  ASSERT_TRUE(run_until([&] { return child->was_told("exited"); }));
  turns(20);
  EXPECT_FALSE(child->lost);
  EXPECT_FALSE(child->was_told("pipe 1 lost"));
  ASSERT_EQ(::write(writes.get().number, "go\n", 3), 3);
  run_until_lost(child);
  EXPECT_EQ(child->output[1], "late\n");
}

TEST_P(SubprocessLifecycle, S1_a_child_that_closes_its_pipes_lives_on) {
  const Recorder child = shell("exec 0<&- 1>&- 2>&-; sleep 0.05; exit 5");
  ASSERT_TRUE(run_until([&] { return child->was_told("pipe 1 lost") && child->was_told("pipe 2 lost"); }));
  EXPECT_FALSE(child->lost);
  run_until_lost(child);
  EXPECT_EQ(child->returncode, 5);
}

TEST_P(SubprocessLifecycle, S1_what_is_written_to_its_input_comes_back_from_cat) {
  const Recorder child = execute("cat");
  const TransportRef input = child->transport->get_pipe_transport(0);
  std::string sent;
  for (int count = 0; count < 50'000; ++count) sent += std::to_string(count) + "\n";
  input->write(sent);
  input->close();
  run_until_lost(child);
  EXPECT_TRUE(child->output[1] == sent);
  EXPECT_EQ(child->returncode, 0);
}

TEST_P(SubprocessLifecycle, S3_who_it_is_and_how_it_ended) {
  const Recorder child = shell("echo $$; read wait");
  SubprocessTransport& transport = *child->transport;
  EXPECT_GT(transport.get_pid(), 1);
  EXPECT_FALSE(transport.get_returncode());
  ASSERT_TRUE(run_until([&] { return child->output[1].ends_with('\n'); }));
  EXPECT_EQ(child->output[1], std::to_string(transport.get_pid()) + "\n");
  for (const int fd : {0, 1, 2}) EXPECT_TRUE(transport.get_pipe_transport(fd)) << fd;
  for (const int fd : {-1, 3, 1000}) EXPECT_FALSE(transport.get_pipe_transport(fd)) << fd;
  EXPECT_TRUE(transport.get_pipe_transport(0)->can_write_eof());
  EXPECT_TRUE(transport.get_pipe_transport(1)->is_reading());
  transport.get_pipe_transport(0)->write("\n");
  run_until_lost(child);
  EXPECT_EQ(transport.get_returncode(), 0);
  EXPECT_GT(transport.get_pid(), 1);
  EXPECT_EQ(transport.get_protocol(), nullptr);
}

TEST_P(SubprocessLifecycle, S3_death_by_a_signal_is_its_number_below_zero) {
  const Recorder terminated = execute("sleep", {"100"});
  terminated->transport->terminate();
  run_until_lost(terminated);
  EXPECT_EQ(terminated->returncode, -SIGTERM);
  const Recorder killed = execute("sleep", {"100"});
  killed->transport->kill();
  run_until_lost(killed);
  EXPECT_EQ(killed->returncode, -SIGKILL);
  const Recorder told = shell("trap 'exit 9' USR1; echo ready; while :; do sleep 0.01; done");
  ASSERT_TRUE(run_until([&] { return told->output[1] == "ready\n"; }));
  told->transport->send_signal(SIGUSR1);
  run_until_lost(told);
  EXPECT_EQ(told->returncode, 9);
}

TEST_P(SubprocessLifecycle, S3_signals_to_one_that_has_ended_reach_nobody) {
  auto [reads, writes] = loop_rig::make_pipe();
  ::fcntl(reads.get().number, F_SETFL, 0);
  const std::array<FileDescriptor, 1> passed{reads.get()};
  // Its pipes are held by another, so that there is time between the exit and the end.
  const Recorder child =
      shell("read go <&" + std::to_string(reads.get().number) + " & exit 0", {.pass_fds = passed});
  child->on_exited = [](SubprocessRecorder& told) { told.transport->kill(); };
  ASSERT_TRUE(run_until([&] { return child->was_told("exited"); }));
  EXPECT_NO_THROW(child->transport->kill()) << "a race that nobody can win is no error";
  EXPECT_NO_THROW(child->transport->send_signal(SIGTERM));
  writes.reset();
  run_until_lost(child);
  turns(2);
  const auto error_of = [&](const auto& call) {
    try {
      call();
    } catch (const OsError& error) {
      return error.code();
    }
    return std::error_code();
  };
  SubprocessTransport& transport = *child->transport;
  EXPECT_EQ(error_of([&] { transport.send_signal(SIGTERM); }), std::errc::no_such_process);
  EXPECT_EQ(error_of([&] { transport.terminate(); }), std::errc::no_such_process);
  EXPECT_EQ(error_of([&] { transport.kill(); }), std::errc::no_such_process);
  transport.close();
  EXPECT_EQ(child->returncode, 0);
}

TEST_P(SubprocessLifecycle, S3_nothing_is_sent_to_the_number_of_one_that_was_reaped_thread) {
  auto [reads, writes] = loop_rig::make_pipe();
  ::fcntl(reads.get().number, F_SETFL, 0);
  const std::array<FileDescriptor, 1> passed{reads.get()};
  const Recorder child =
      shell("read go <&" + std::to_string(reads.get().number) + " & exit 0", {.pass_fds = passed});
  ASSERT_TRUE(run_until([&] { return child->was_told("exited"); }));
  // The number may be somebody else's by now. In this thread whatever is sent is refused, and so it is
  // noticed.
  std::error_code refusal;
  std::thread([&] {
    testing::refuse_call(SYS_kill, EPERM);
    testing::refuse_call(SYS_pidfd_send_signal, EPERM);
    try {
      child->transport->send_signal(SIGTERM);
      child->transport->kill();
    } catch (const OsError& error) {
      refusal = error.code();
    }
  }).join();
  EXPECT_FALSE(refusal) << "a signal was sent to the number of a child that has been reaped";
  writes.reset();
  run_until_lost(child);
}

TEST_P(SubprocessLifecycle, S3_what_is_no_signal_is_an_error) {
  const Recorder child = execute("cat");
  EXPECT_THROW(child->transport->send_signal(1000), OsError);
  child->transport->close();
  run_until_lost(child);
}

TEST_P(SubprocessLifecycle, S4_close_kills_closes_the_pipes_and_reaps) {
  const Recorder child = shell("trap '' TERM INT; while :; do sleep 1; done");
  child->transport->close();
  child->transport->close();
  EXPECT_TRUE(child->transport->is_closing());
  EXPECT_FALSE(child->lost);
  run_until_lost(child);
  EXPECT_EQ(child->returncode, -SIGKILL);
  EXPECT_THAT(child->calls,
              UnorderedElementsAre("made", "pipe 0 lost", "pipe 1 lost", "pipe 2 lost", "exited", "lost"));
}

TEST_P(SubprocessLifecycle, S4_close_from_inside_connection_made) {
  auto protocol = std::make_shared<SubprocessRecorder>();
  protocol->on_made = [](SubprocessRecorder& told) { told.transport->close(); };
  const Recorder child = shell("echo never; sleep 100", {}, protocol);
  run_until_lost(child);
  EXPECT_EQ(child->output[1], "");
}

TEST_P(SubprocessLifecycle, S4_closing_the_loop_over_one_kills_and_reaps_it) {
  const Recorder child = execute("sleep", {"100"});
  end_loop();
  EXPECT_FALSE(has_children());
  EXPECT_GE(take_reports().size(), 1U) << "unclosed transport";
  EXPECT_FALSE(child->lost);
}

TEST_P(SubprocessLifecycle, S4_cancelling_the_call_kills_and_reaps_it) {
  auto protocol = std::make_shared<SubprocessRecorder>();
  const auto factory = [&] { return protocol; };
  const std::vector<std::string> arguments{"100"};
  auto starting = loop().create_task(loop().subprocess_exec(factory, "sleep", arguments));
  turn();
  EXPECT_TRUE(has_children());
  starting.cancel();
  ASSERT_TRUE(run_until([&] { return starting.done(); }));
  EXPECT_TRUE(starting.cancelled());
  turns(5);
  EXPECT_FALSE(has_children());
  EXPECT_TRUE(protocol->calls.empty());
}

TEST_P(SubprocessLifecycle, S5_a_program_that_is_missing_or_not_one_fails_the_call_with_its_errno) {
  const auto code_of = [&](const std::string& program, const SubprocessOptions& options = {}) {
    try {
      execute(program, {}, options);
    } catch (const OsError& error) {
      EXPECT_THAT(error.what(), HasSubstr(program));
      return error.code().value();
    }
    return 0;
  };
  EXPECT_EQ(code_of("tidegate-no-such-program"), ENOENT);
  EXPECT_EQ(code_of("/no/such/folder/program"), ENOENT);
  EXPECT_EQ(code_of("/etc/passwd"), EACCES);
  EXPECT_EQ(code_of("/etc"), EACCES);
  EXPECT_EQ(code_of("true", {.cwd = "/no/such/folder"}), ENOENT);
  EXPECT_EQ(code_of("true", {.cwd = "/etc/passwd"}), ENOTDIR);
  EXPECT_FALSE(has_children());
}

TEST_P(SubprocessLifecycle, S5_the_error_names_the_cwd_where_that_is_at_fault) {
  const std::string text =
      loop_rig::thrown_text<OsError>([&] { execute("true", {}, {.cwd = "/no/such/folder"}); });
  EXPECT_THAT(text, HasSubstr("cwd /no/such/folder"));
}

TEST_P(SubprocessLifecycle, S5_a_factory_that_throws_starts_nothing) {
  const auto factory = []() -> Recorder { throw std::runtime_error("no protocol"); };
  EXPECT_THROW(run(loop().subprocess_exec(factory, "true")), std::runtime_error);
  EXPECT_FALSE(has_children());
}

TEST_P(SubprocessLifecycle, S6_pausing_the_writer_to_its_input_arrives_at_the_protocol) {
  const Recorder child = shell("read go; cat >/dev/null");
  const TransportRef input = child->transport->get_pipe_transport(0);
  input->set_write_buffer_limits({.high = 10'000});
  input->write("go");  // no line yet: the shell waits
  input->write(std::string(500'000, 'x'));
  EXPECT_EQ(child->calls.back(), "pause");
  input->write("\n");
  ASSERT_TRUE(run_until([&] { return child->was_told("resume"); }));
  input->close();
  run_until_lost(child);
  EXPECT_EQ(child->returncode, 0);
}

TEST_P(SubprocessLifecycle, S6_a_child_that_does_not_read_its_input_breaks_the_pipe) {
  const Recorder child = execute("sleep", {"100"});
  child->transport->get_pipe_transport(0)->write(std::string(500'000, 'x'));
  child->transport->kill();
  run_until_lost(child);
  EXPECT_EQ(child->pipe_reasons[0].code(), std::errc::broken_pipe);
  EXPECT_FALSE(child->lost_reason);
}

TEST_P(SubprocessLifecycle, L7_what_callbacks_throw_is_reported_and_the_subprocess_goes_on) {
  auto protocol = std::make_shared<SubprocessRecorder>();
  const auto fail = [](SubprocessRecorder&) { throw std::runtime_error("callback"); };
  protocol->on_made = fail;
  protocol->on_exited = fail;
  const Recorder child = shell("exit 1", {}, protocol);
  run_until_lost(child);
  const auto reports = take_reports();
  ASSERT_EQ(reports.size(), 2U);
  EXPECT_EQ(reports[0].message, "protocol.connection_made() failed");
  EXPECT_EQ(reports[1].message, "protocol.process_exited() failed");
}

TEST_P(SubprocessLifecycle, L8_another_protocol_is_told_from_the_next_callback_on) {
  const Recorder first = shell("read go; echo hello");
  const auto second = std::make_shared<SubprocessRecorder>();
  second->calls.emplace_back("made");  // it is told of everything but that
  second->transport = first->transport;
  first->transport->set_protocol(second);
  EXPECT_EQ(first->transport->get_protocol(), second);
  EXPECT_THROW(first->transport->set_protocol(std::make_shared<Protocol>()), std::invalid_argument);
  first->transport->get_pipe_transport(0)->write("\n");
  run_until_lost(second);
  EXPECT_EQ(second->output[1], "hello\n");
  EXPECT_THAT(first->calls, ElementsAre("made"));
}

TEST_P(SubprocessLifecycle, pausing_the_reader_of_its_output_holds_the_child_up) {
  const Recorder child = shell("head -c 1000000 /dev/zero");
  const TransportRef output = child->transport->get_pipe_transport(1);
  output->pause_reading();
  const std::size_t held = child->output[1].size();
  turns(50);
  EXPECT_EQ(child->output[1].size(), held);
  EXPECT_FALSE(child->lost);
  output->resume_reading();
  run_until_lost(child);
  EXPECT_EQ(child->output[1].size(), 1'000'000U);
}

TEST_P(SubprocessLifecycle, a_pipe_that_was_full_becomes_larger_and_no_other) {
  constexpr std::size_t kOutputBytes = 3'000'000;
  const auto pipe_of = [](const Recorder& child) {
    return std::any_cast<FileDescriptor>(child->transport->get_pipe_transport(1)->get_extra_info("pipe"))
        .number;
  };
  const auto size_of = [&](const Recorder& child) { return ::fcntl(pipe_of(child), F_GETPIPE_SZ); };
  const Recorder quiet = shell("echo ready; read wait");
  const Recorder loud = shell("head -c 3000000 /dev/zero; read wait");
  const int usual_bytes = size_of(quiet);
  loud->transport->get_pipe_transport(1)->pause_reading();
  // Until it is full, unless it was before the pause.
  ASSERT_TRUE(run_until([&] {
    int waiting_bytes = 0;
    return ::ioctl(pipe_of(loud), FIONREAD, &waiting_bytes) == 0 && waiting_bytes >= usual_bytes;
  }));
  loud->transport->get_pipe_transport(1)->resume_reading();
  ASSERT_TRUE(run_until([&] { return loud->output[1].size() == kOutputBytes && !quiet->output[1].empty(); }));
  EXPECT_EQ(size_of(loud), std::max(usual_bytes, 256 * 1024));
  EXPECT_EQ(size_of(quiet), usual_bytes);
  for (const Recorder& child : {quiet, loud}) {
    child->transport->close();
    run_until_lost(child);
  }
}

TEST_P(SubprocessLifecycle, a_child_that_the_program_reaps_itself_has_an_unknown_returncode) {
  const loop_rig::LogCapture log;
  const Recorder child = execute("cat");
  ASSERT_EQ(::kill(child->transport->get_pid(), SIGKILL), 0);
  int status = 0;
  ASSERT_EQ(::waitpid(child->transport->get_pid(), &status, 0), child->transport->get_pid());
  run_until_lost(child);
  EXPECT_EQ(child->returncode, 255);
  ASSERT_EQ(log.lines().size(), 1U);
  EXPECT_THAT(log.lines()[0], HasSubstr("reaped by somebody else"));
}

}  // namespace
}  // namespace tidegate::subprocess_rig
