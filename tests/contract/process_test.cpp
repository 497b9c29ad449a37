// Subprocesses with coroutines: `create_subprocess_exec`, `Process`.
#include "contract/subprocess_rig.hpp"

#include <array>
#include <stdexcept>

#include <fcntl.h>
#include <unistd.h>

namespace tidegate::subprocess_rig {
namespace {

using namespace std::chrono_literals;

class Processes : public SubprocessTest {
 protected:
  static constexpr SubprocessOptions kPipes{
      .standard_input = Stdio::pipe(), .standard_output = Stdio::pipe(), .standard_error = Stdio::pipe()};
};
TIDEGATE_BOTH_WAYS_OF_WATCHING(Processes);

TEST_P(Processes, communicate_feeds_and_collects) {
  const std::string input(3'000'000, 'i');
  const auto talk = [&]() -> Task<> {
    auto starting = create_subprocess_shell("wc -c >&2; echo done; exit 4", kPipes);
    const Process process = co_await std::move(starting);
    EXPECT_GT(process.pid(), 1);
    EXPECT_FALSE(process.returncode());
    auto talking = process.communicate(input);
    const ProcessOutput output = co_await std::move(talking);
    EXPECT_EQ(output.standard_output, "done\n");
    EXPECT_EQ(output.standard_error, "3000000\n");
    EXPECT_EQ(process.returncode(), 4);
  };
  run(talk());
}

TEST_P(Processes, communicate_both_ways_at_once_does_not_lock_up) {
  const std::string input(2'000'000, 'i');
  const auto talk = [&]() -> Task<> {
    auto starting = create_subprocess_exec("cat", {}, kPipes);
    const Process process = co_await std::move(starting);
    auto talking = process.communicate(input);
    const ProcessOutput output = co_await std::move(talking);
    EXPECT_TRUE(output.standard_output == input);
  };
  run(talk());
}

TEST_P(Processes, communicate_with_a_child_that_does_not_read_is_no_error) {
  const auto talk = [&]() -> Task<> {
    auto starting = create_subprocess_exec("true", {}, kPipes);
    const Process process = co_await std::move(starting);
    auto talking = process.communicate(std::string(1'000'000, 'x'));
    co_await std::move(talking);
    EXPECT_EQ(process.returncode(), 0);
  };
  run(talk());
}

TEST_P(Processes, wait_returns_at_the_exit_whoever_holds_the_pipes) {
  auto [reads, writes] = loop_rig::make_pipe();
  ::fcntl(reads.get().number, F_SETFL, 0);
  const std::array<FileDescriptor, 1> passed{reads.get()};
  SubprocessOptions options = kPipes;
  options.pass_fds = passed;
  const std::string command =
      "(read go <&" + std::to_string(reads.get().number) + "; echo late) & echo early; exit 6";
  const int let_go = writes.get().number;
  const auto talk = [&]() -> Task<> {
    auto starting = create_subprocess_shell(command, options);
    const Process process = co_await std::move(starting);
    auto waiting = process.wait();
    const int returncode = co_await std::move(waiting);
    EXPECT_EQ(returncode, 6);
    // The grandchild still holds the pipes; what came until then is not lost to the next call.
    auto impatient = wait_for(process.communicate(), 20ms);
    bool timed_out = false;
    try {
      co_await std::move(impatient);
    } catch (const TimeoutError&) {
      timed_out = true;
    }
    EXPECT_TRUE(timed_out);
    EXPECT_EQ(::write(let_go, "go\n", 3), 3);
    auto talking = process.communicate();
    const ProcessOutput output = co_await std::move(talking);
    EXPECT_EQ(output.standard_output, "early\nlate\n");
  };
  run(talk());
}

TEST_P(Processes, a_child_that_says_much_waits_until_somebody_listens) {
  const auto talk = [&]() -> Task<> {
    auto starting = create_subprocess_shell("head -c 5000000 /dev/zero", kPipes);
    const Process process = co_await std::move(starting);
    auto pausing = sleep(50ms);
    co_await std::move(pausing);
    EXPECT_FALSE(process.returncode()) << "nothing bounds what is kept";
    auto talking = process.communicate();
    const ProcessOutput output = co_await std::move(talking);
    EXPECT_EQ(output.standard_output.size(), 5'000'000U);
  };
  run(talk());
}

TEST_P(Processes, standard_streams_are_ours_unless_said_otherwise) {
  const auto talk = [&]() -> Task<> {
    auto starting = create_subprocess_exec("true");
    const Process process = co_await std::move(starting);
    auto talking = process.communicate();
    const ProcessOutput output = co_await std::move(talking);
    EXPECT_EQ(output.standard_output, "");
    auto again = process.communicate("input");
    bool refused = false;
    try {
      co_await std::move(again);
    } catch (const std::invalid_argument&) {
      refused = true;
    }
    EXPECT_TRUE(refused);
  };
  run(talk());
}

TEST_P(Processes, terminate_and_wait) {
  const auto talk = [&]() -> Task<> {
    const std::vector<std::string> arguments{"100"};
    auto starting = create_subprocess_exec("sleep", arguments);
    const Process process = co_await std::move(starting);
    process.terminate();
    auto waiting = process.wait();
    const int returncode = co_await std::move(waiting);
    EXPECT_EQ(returncode, -SIGTERM);
    auto again = process.wait();
    const int still = co_await std::move(again);
    EXPECT_EQ(still, -SIGTERM);
  };
  run(talk());
}

}  // namespace
}  // namespace tidegate::subprocess_rig
