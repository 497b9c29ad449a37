// What the tests of subprocesses share: a loop, and a protocol that writes down what it is told. Knows no
// clause.
#pragma once

#include "contract/loop_rig.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <sys/wait.h>

namespace tidegate::subprocess_rig {

/// Writes down what it is told; what the child writes is kept apart, for it comes in any pieces.
class SubprocessRecorder final : public SubprocessProtocol {
 public:
  void connection_made(SubprocessTransportRef made) override {
    note("made");
    transport = std::move(made);
    if (on_made) on_made(*this);
  }
  void pipe_data_received(int fd, BytesView data) override {
    EXPECT_TRUE(fd == 1 || fd == 2) << fd;
    EXPECT_FALSE(data.empty());
    EXPECT_FALSE(calls.empty()) << "data before connection_made";
    EXPECT_FALSE(lost);
    output[static_cast<std::size_t>(fd)] += data.text();
    if (on_data) on_data(*this);
  }
  void pipe_connection_lost(int fd, const Error& reason) override {
    note("pipe " + std::to_string(fd) + " lost");
    pipe_reasons[static_cast<std::size_t>(fd)] = reason;
  }
  void process_exited() override {
    note("exited");
    EXPECT_TRUE(transport->get_returncode().has_value());
    returncode = transport->get_returncode().value_or(1000);
    if (on_exited) on_exited(*this);
  }
  void connection_lost(const Error& reason) override {
    note("lost");
    lost = true;
    lost_reason = reason;
  }
  void pause_writing() override { note("pause"); }
  void resume_writing() override { note("resume"); }

  [[nodiscard]] bool was_told(const std::string& call) const {
    return std::find(calls.begin(), calls.end(), call) != calls.end();
  }

  SubprocessTransportRef transport;
  std::vector<std::string> calls;
  std::array<std::string, 3> output;
  std::array<Error, 3> pipe_reasons;
  int returncode = 1000;
  bool lost = false;
  Error lost_reason;
  std::function<void(SubprocessRecorder&)> on_made;
  std::function<void(SubprocessRecorder&)> on_data;
  std::function<void(SubprocessRecorder&)> on_exited;

 private:
  void note(std::string call) {
    EXPECT_FALSE(lost) << call << " after connection_lost";
    EXPECT_EQ(calls.empty(), call == "made") << call;
    calls.push_back(std::move(call));
  }
};

/// Whether this process has a child at all, zombies included.
inline bool has_children() {
  siginfo_t info{};
  return ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 || errno != ECHILD;
}

/// With a descriptor of the process, and without one, as on an old kernel.
enum class Watching { by_descriptor, by_thread };

class SubprocessTest : public loop_rig::LoopTest, public ::testing::WithParamInterface<Watching> {
 protected:
  using Recorder = std::shared_ptr<SubprocessRecorder>;

  void SetUp() override {
    if (GetParam() == Watching::by_thread) ::setenv("TIDEGATE_PIDFD", "0", 1);
    LoopTest::SetUp();
  }
  void TearDown() override {
    for (const Recorder& child : made_) {
      if (loop_has_ended_ || child->lost) continue;
      if (child->transport) child->transport->close();
      EXPECT_TRUE(run_until([&] { return child->transport->get_protocol() == nullptr; }));
    }
    LoopTest::TearDown();
    made_.clear();
    EXPECT_FALSE(has_children()) << "a child was left behind";
    ::unsetenv("TIDEGATE_PIDFD");
  }

  Recorder execute(const std::string& program, const std::vector<std::string>& arguments = {},
                   const SubprocessOptions& options = {},
                   Recorder protocol = std::make_shared<SubprocessRecorder>()) {
    const auto factory = [&] { return protocol; };
    run(started(loop().subprocess_exec(factory, program, arguments, options)));
    return protocol;
  }
  Recorder shell(const std::string& command, const SubprocessOptions& options = {},
                 Recorder protocol = std::make_shared<SubprocessRecorder>()) {
    const auto factory = [&] { return protocol; };
    run(started(loop().subprocess_shell(factory, command, options)));
    return protocol;
  }
  void end_loop() {
    loop_has_ended_ = true;
    LoopTest::end_loop();
  }
  void run_until_lost(const Recorder& child) {
    ASSERT_TRUE(run_until([&] { return child->lost; })) << "last: " << child->calls.back();
  }
  /// What a shell command writes to its standard output.
  std::string output_of(const std::string& command, const SubprocessOptions& options = {}) {
    const Recorder child = shell(command, options);
    run_until_lost(child);
    EXPECT_EQ(child->returncode, 0) << command << ": " << child->output[2];
    return child->output[1];
  }

 private:
  Task<> started(Task<SubprocessConnection<SubprocessRecorder>> starting) {
    const auto connection = co_await std::move(starting);
    made_.push_back(connection.protocol);
    EXPECT_EQ(connection.transport, connection.protocol->transport) << "connection_made comes first";
  }

  std::vector<Recorder> made_;
  bool loop_has_ended_ = false;
};

inline std::string name_of(const ::testing::TestParamInfo<Watching>& info) {
  return info.param == Watching::by_descriptor ? "by_descriptor" : "by_thread";
}

}  // namespace tidegate::subprocess_rig

#define TIDEGATE_BOTH_WAYS_OF_WATCHING(Suite)                                                   \
  INSTANTIATE_TEST_SUITE_P(Children, Suite,                                                     \
                           ::testing::Values(tidegate::subprocess_rig::Watching::by_descriptor, \
                                             tidegate::subprocess_rig::Watching::by_thread),    \
                           tidegate::subprocess_rig::name_of)
