// A child's pipes as streams: `Process::standard_input` and its kin.
#include "contract/subprocess_rig.hpp"

#include <optional>
#include <stdexcept>
#include <string>

namespace tidegate::subprocess_rig {
namespace {

class ProcessStreams : public SubprocessTest {
 protected:
  static constexpr SubprocessOptions kPipes{
      .standard_input = Stdio::pipe(), .standard_output = Stdio::pipe(), .standard_error = Stdio::pipe()};
};
TIDEGATE_BOTH_WAYS_OF_WATCHING(ProcessStreams);

TEST_P(ProcessStreams, a_child_is_talked_to_line_by_line) {
  const auto talk = [&]() -> Task<> {
    auto starting = create_subprocess_exec("cat", {}, kPipes);
    const Process process = co_await std::move(starting);
    for (const char* line : {"one\n", "two\n", "three\n"}) {
      process.standard_input().write(line);
      co_await process.standard_input().drain();
      auto reading = process.standard_output().readline();
      const std::string answer = co_await std::move(reading);
      EXPECT_EQ(answer, line);
    }
    process.standard_input().close();
    co_await process.standard_input().wait_closed();
    auto reading = process.standard_output().read();
    const std::string rest = co_await std::move(reading);
    EXPECT_EQ(rest, "");
    auto waiting = process.wait();
    const int returncode = co_await std::move(waiting);
    EXPECT_EQ(returncode, 0);
  };
  run(talk());
}

TEST_P(ProcessStreams, what_it_says_and_what_it_complains_about_are_kept_apart) {
  const auto talk = [&]() -> Task<> {
    auto starting = create_subprocess_shell("echo out; echo err >&2", kPipes);
    const Process process = co_await std::move(starting);
    auto reading = process.standard_error().read();
    const std::string complaints = co_await std::move(reading);
    EXPECT_EQ(complaints, "err\n");
    auto reading_more = process.standard_output().read();
    const std::string said = co_await std::move(reading_more);
    EXPECT_EQ(said, "out\n");
    auto waiting = process.wait();
    co_await std::move(waiting);
  };
  run(talk());
}

TEST_P(ProcessStreams, there_is_none_where_there_is_no_pipe) {
  const auto talk = [&]() -> Task<> {
    auto starting = create_subprocess_exec("true");
    const Process process = co_await std::move(starting);
    EXPECT_FALSE(process.standard_input());
    EXPECT_FALSE(process.standard_output());
    EXPECT_FALSE(process.standard_error());
    auto waiting = process.wait();
    co_await std::move(waiting);
  };
  run(talk());
}

TEST_P(ProcessStreams, a_child_that_says_much_is_read_to_the_end_and_what_was_read_is_not_communicated) {
  const auto talk = [&]() -> Task<> {
    auto starting = create_subprocess_shell("head -c 5000000 /dev/zero; echo; echo last", kPipes);
    const Process process = co_await std::move(starting);
    auto reading = process.standard_output().readexactly(5'000'001);
    const std::string zeros = co_await std::move(reading);
    EXPECT_EQ(zeros.size(), 5'000'001U);
    auto talking = process.communicate();
    const ProcessOutput output = co_await std::move(talking);
    EXPECT_EQ(output.standard_output, "last\n");
  };
  run(talk());
}

TEST_P(ProcessStreams, communicate_and_a_reader_refuse_each_other) {
  const auto talk = [&]() -> Task<> {
    auto starting = create_subprocess_exec("cat", {}, kPipes);
    const Process process = co_await std::move(starting);
    const auto reading = loop().create_task(process.standard_output().readline());
    auto turning = sleep(Duration::zero());
    co_await std::move(turning);
    bool refused = false;
    try {
      auto talking = process.communicate("too early\n");
      co_await std::move(talking);
    } catch (const InvalidStateError&) {
      refused = true;
    }
    EXPECT_TRUE(refused);
    process.standard_input().write("a line\n");
    const std::string line = co_await reading;
    EXPECT_EQ(line, "a line\n");

    const auto talking = loop().create_task(process.communicate());
    auto turning_again = sleep(Duration::zero());
    co_await std::move(turning_again);
    refused = false;
    try {
      auto late = process.standard_output().read(1);
      static_cast<void>(co_await std::move(late));
    } catch (const InvalidStateError&) {
      refused = true;
    }
    EXPECT_TRUE(refused);
    co_await talking;
  };
  run(talk());
}

TEST_P(ProcessStreams, writing_to_a_child_that_does_not_listen_any_more_fails_in_drain) {
  const auto talk = [&]() -> Task<> {
    auto starting = create_subprocess_exec("true", {}, kPipes);
    const Process process = co_await std::move(starting);
    auto waiting = process.wait();
    co_await std::move(waiting);
    const StreamWriter writer = process.standard_input();
    bool failed = false;
    try {
      for (int rounds = 0; rounds < 1000; ++rounds) {
        writer.write(std::string(100'000, 'x'));
        co_await writer.drain();
      }
    } catch (const std::system_error&) {
      failed = true;
    }
    EXPECT_TRUE(failed);
  };
  run(talk());
}

}  // namespace
}  // namespace tidegate::subprocess_rig
