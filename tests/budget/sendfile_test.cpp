// What sending a file costs in system calls, and what becomes of it when they fail: N1, E5.
#include <tidegate/tidegate.hpp>

#include "budget/fault_rig.hpp"
#include "support/scratch_file.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tidegate {
namespace {

using budget::Attempt;
using budget::Call;
using budget::calls;
using budget::FaultInjection;
using budget::FaultTest;
using testing::ScratchFile;

std::string text_of(std::size_t size_bytes) {
  std::string text;
  for (int number = 0; text.size() < size_bytes; ++number) text += std::to_string(number) + " ";
  text.resize(size_bytes);
  return text;
}

class SendfileFaults : public FaultTest {
 protected:
  static constexpr std::size_t kSizeBytes = 100'000;

  using Sending = TaskHandle<std::uint64_t>;

  /// Runs until it is done, while the peer receives.
  void finish(const Sending& sending) {
    EXPECT_TRUE(run_until([&] {
      received += pair.peer.receive_all();
      return sending.done();
    }));
  }
  [[nodiscard]] Sending send(const SendfileOptions& options = {}) {
    return loop().create_task(loop().sendfile(pair.transport, file.descriptor(), options));
  }
  void expect_all(const Sending& sending) {
    finish(sending);
    EXPECT_EQ(sending.result(), kSizeBytes);
    EXPECT_TRUE(run_until([&] { return (received += pair.peer.receive_all()).size() == kSizeBytes; }));
    EXPECT_EQ(received, content);
    EXPECT_EQ(file.position(), kSizeBytes);
  }
  void SetUp() override {
    FaultTest::SetUp();
    pair = connected_pair();
  }
  void TearDown() override {
    pair.transport->abort();
    turns(2);
    pair = {};
    FaultTest::TearDown();
  }

  const std::string content = text_of(kSizeBytes);
  const ScratchFile file{content};
  Pair pair;
  std::string received;
};

/// Lets the first `count` calls of sendfile be made, of 10'000 bytes each; the next ones fail with `error`.
auto failing_after(int count, int error) {
  return [count, error, number = std::make_shared<int>(0)](Attempt& attempt) {
    if (attempt.call != Call::send_file) return 0;
    attempt.size_bytes = std::min<std::size_t>(attempt.size_bytes, 10'000);
    return (*number)++ >= count ? error : 0;
  };
}

// --- what it costs -------------------------------------------------------------------------------

TEST_F(SendfileFaults, N1_a_file_for_which_there_is_room_is_one_call) {
  calls() = {};
  const Sending sending = send();
  turns(3);
  ASSERT_TRUE(sending.done());
  EXPECT_EQ(calls().send_file, 1U);
  EXPECT_EQ(calls().epoll_ctl, 0U);
  expect_all(sending);
}

TEST_F(SendfileFaults, N1_a_large_file_is_one_call_per_wake_up) {
  ScratchFile large;
  large.set_size(50'000'000);
  calls() = {};
  const Sending sending = loop().create_task(loop().sendfile(pair.transport, large.descriptor()));
  finish(sending);
  EXPECT_EQ(sending.result(), 50'000'000U);
  EXPECT_GE(calls().send_file, 50'000'000U / (512 * 1024));
  EXPECT_LE(calls().send_file, calls().wait + 2);
  EXPECT_LE(calls().epoll_ctl, 2U);
}

// --- faults that are none ------------------------------------------------------------------------

TEST_F(SendfileFaults, N1_short_sends_keep_every_byte) {
  const FaultInjection faults([](Attempt& attempt) {
    if (attempt.call == Call::send_file) attempt.size_bytes = std::min<std::size_t>(attempt.size_bytes, 777);
    return 0;
  });
  expect_all(send());
}

TEST_F(SendfileFaults, N1_interruptions_and_would_blocks_disturb_nothing) {
  std::size_t number = 0;
  const FaultInjection faults([&](Attempt& attempt) {
    if (attempt.call != Call::send_file) return 0;
    attempt.size_bytes = std::min<std::size_t>(attempt.size_bytes, 5'000);
    ++number;
    return number % 3 == 0 ? EINTR : number % 3 == 1 ? EAGAIN : 0;
  });
  expect_all(send());
}

TEST_F(SendfileFaults, N1_a_kernel_that_stops_sending_the_file_is_taken_over_from_where_it_stopped) {
  for (const int error : {EINVAL, ENOSYS, EOPNOTSUPP}) {
    for (const int count : {0, 3}) {
      SCOPED_TRACE(error);
      received.clear();
      const FaultInjection faults(failing_after(count, error));
      expect_all(send());
    }
  }
}

// --- faults --------------------------------------------------------------------------------------

TEST_F(SendfileFaults, N1_without_fallback_that_is_an_error_and_the_position_says_how_far_it_came) {
  const FaultInjection faults(failing_after(3, EINVAL));
  const Sending sending = send({.fallback = false});
  finish(sending);
  EXPECT_THROW(static_cast<void>(sending.result()), SendfileNotAvailableError);
  EXPECT_EQ(file.position(), 30'000);
  EXPECT_FALSE(pair.transport->is_closing());
}

TEST_F(SendfileFaults, N1_an_error_of_the_file_fails_it_and_the_connection_lives_on) {
  const Sending sending = [&] {
    const FaultInjection faults(failing_after(3, EIO));
    const Sending failing = send();
    finish(failing);
    return failing;
  }();
  EXPECT_EQ(Error(sending.exception()).code(), std::errc::io_error);
  EXPECT_EQ(file.position(), 30'000);
  EXPECT_FALSE(pair.transport->is_closing());
  const Sending rest = send({.offset = 30'000});
  finish(rest);
  EXPECT_EQ(rest.result(), kSizeBytes - 30'000);
  EXPECT_TRUE(run_until([&] { return (received += pair.peer.receive_all()).size() == kSizeBytes; }));
  EXPECT_EQ(received, content);
}

TEST_F(SendfileFaults, N1_an_error_of_the_connection_ends_both) {
  const FaultInjection faults(failing_after(3, ETIMEDOUT));
  const Sending sending = send();
  finish(sending);
  EXPECT_EQ(Error(sending.exception()).code(), std::errc::timed_out);
  EXPECT_EQ(file.position(), 30'000);
  pair.peer.close();  // a connection that breaks has an event for everybody
  EXPECT_TRUE(run_until([&] { return pair.recorder->lost; }));
  EXPECT_EQ(pair.recorder->lost_reason.code(), std::errc::timed_out);
}

}  // namespace
}  // namespace tidegate
