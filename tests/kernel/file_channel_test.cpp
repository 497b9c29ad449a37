// Channels that are no sockets: pipes, FIFOs, terminals.
#include "kernel/seam_test.hpp"

#include <array>

#include <fcntl.h>
#include <pty.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

namespace tidegate::kernel::testing {
namespace {

class SeamFile : public SeamTest {
 protected:
  /// Both non-blocking.
  struct Pipe {
    OwnedFileDescriptor reads;
    OwnedFileDescriptor writes;
  };
  static Pipe pipe() {
    std::array<int, 2> numbers{-1, -1};
    EXPECT_EQ(::pipe2(numbers.data(), O_CLOEXEC | O_NONBLOCK), 0);
    return {OwnedFileDescriptor(FileDescriptor{numbers[0]}), OwnedFileDescriptor(FileDescriptor{numbers[1]})};
  }
  static void write_to(const OwnedFileDescriptor& pipe, std::string_view text) {
    ASSERT_EQ(::write(pipe.get().number, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  /// What there is to read.
  static std::string read_from(const OwnedFileDescriptor& pipe) {
    std::string memory(1'000'000, '\0');
    const ssize_t count = ::read(pipe.get().number, memory.data(), memory.size());
    memory.resize(static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    return memory;
  }
};

TEST_P(SeamFile, small_and_large_pieces_arrive_whole_and_then_the_end) {
  Pipe ends = pipe();
  const ChannelId channel = attach_file(std::move(ends.reads));
  auto& receiver = make<Receiver>();
  start(receiver, channel);
  std::string expected;
  for (std::size_t size : {1U, 10U, 5'000U, 20'000U, 60'000U, 3U}) {
    const std::string piece = pattern(size, expected.size());
    write_to(ends.writes, piece);
    expected += piece;
    run_until([&] { return receiver.bytes.size() == expected.size(); });
  }
  EXPECT_EQ(receiver.bytes, expected);
  ends.writes.reset();
  run_until([&] { return receiver.ended(); });
  EXPECT_EQ(receiver.last_end(), 0);
}

TEST_P(SeamFile, many_small_pieces_are_read_as_well_as_one) {
  // As many as would have a socket's bulk receives end.
  Pipe ends = pipe();
  const ChannelId channel = attach_file(std::move(ends.reads));
  auto& receiver = make<Receiver>();
  start(receiver, channel);
  for (int count = 1; count <= 50; ++count) {
    write_to(ends.writes, "x");
    run_until([&] { return receiver.bytes.size() == static_cast<std::size_t>(count); });
  }
}

TEST_P(SeamFile, into_memory_of_the_receivers_own) {
  Pipe ends = pipe();
  const ChannelId channel = attach_file(std::move(ends.reads));
  auto& receiver = make<Receiver>();
  receiver.set_own_memory(true);
  start(receiver, channel);
  write_to(ends.writes, pattern(1'000));
  run_until([&] { return receiver.own_bytes == 1'000; });
  EXPECT_EQ(receiver.bytes, pattern(1'000));
}

TEST_P(SeamFile, what_arrives_while_held_waits_the_end_included) {
  Pipe ends = pipe();
  const ChannelId channel = attach_file(std::move(ends.reads));
  auto& receiver = make<Receiver>();
  start(receiver, channel);
  write_to(ends.writes, "before ");
  run_until([&] { return receiver.bytes == "before "; });
  hold(receiver);
  write_to(ends.writes, "after");
  ends.writes.reset();
  turns(5);
  expect_no_spin();
  resume(receiver);
  run_until([&] { return receiver.ended(); });
  EXPECT_EQ(receiver.bytes, "before after");
  EXPECT_EQ(receiver.last_end(), 0);
}

TEST_P(SeamFile, cancelled_receives_end_as_that_and_another_goes_on) {
  Pipe ends = pipe();
  const ChannelId channel = attach_file(std::move(ends.reads));
  auto& first = make<Receiver>();
  start(first, channel);
  turns(2);
  cancel(first);
  turns(2);
  EXPECT_EQ(first.last_end(), -ECANCELED);
  write_to(ends.writes, "for the next");
  auto& second = make<Receiver>();
  start(second, channel);
  run_until([&] { return second.bytes == "for the next"; });
}

TEST_P(SeamFile, a_fifo_without_a_writer_has_not_ended) {
  if (is_simulated()) GTEST_SKIP() << "about a thing of the system";
  const std::string path = ::testing::TempDir() + "tidegate_fifo_" + std::to_string(::getpid());
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  const ChannelId channel = attach_file(
      OwnedFileDescriptor(FileDescriptor{::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)}));
  auto& receiver = make<Receiver>();
  start(receiver, channel);
  turns(5);
  hold(receiver);
  turns(2);
  resume(receiver);
  turns(5);
  EXPECT_FALSE(receiver.ended());
  OwnedFileDescriptor writes(FileDescriptor{::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC)});
  ::unlink(path.c_str());
  write_to(writes, "here");
  run_until([&] { return receiver.bytes == "here"; });
  writes.reset();
  run_until([&] { return receiver.ended(); });
  EXPECT_EQ(receiver.last_end(), 0);
}

TEST_P(SeamFile, the_end_of_a_terminal_is_an_ordinary_one) {
  if (is_simulated()) GTEST_SKIP() << "about a thing of the system";
  std::array<int, 2> numbers{-1, -1};
  ASSERT_EQ(::openpty(&numbers[0], &numbers[1], nullptr, nullptr, nullptr), 0);
  OwnedFileDescriptor terminal(FileDescriptor{numbers[1]});
  termios raw{};
  ::tcgetattr(numbers[1], &raw);
  ::cfmakeraw(&raw);
  ::tcsetattr(numbers[1], TCSANOW, &raw);
  ::fcntl(numbers[0], F_SETFL, O_RDWR | O_NONBLOCK);
  const ChannelId channel = attach_file(OwnedFileDescriptor(FileDescriptor{numbers[0]}));
  auto& receiver = make<Receiver>();
  start(receiver, channel);
  write_to(terminal, "typed");
  run_until([&] { return receiver.bytes == "typed"; });
  terminal.reset();
  run_until([&] { return receiver.ended(); });
  EXPECT_EQ(receiver.last_end(), 0);
}

TEST_P(SeamFile, sends_are_taken_until_the_pipe_is_full_and_go_on_when_there_is_room) {
  Pipe ends = pipe();
  const ChannelId channel = attach_file(std::move(ends.writes));
  auto& sender = make<Sender>();
  EXPECT_EQ(send_now(sender, channel, "small"), 5);
  const std::string two[] = {"in two ", "pieces"};
  std::array<iovec, 2> pieces{iovec{const_cast<char*>(two[0].data()), two[0].size()},
                              iovec{const_cast<char*>(two[1].data()), two[1].size()}};
  EXPECT_EQ(backend().try_send(channel, pieces), 13);
  EXPECT_EQ(read_from(ends.reads), "smallin two pieces");
  const std::size_t filled = fill(channel);
  EXPECT_GE(filled, 4'096U);
  sender.rest = "the rest";
  start(sender, channel);
  turns(3);
  expect_no_spin();
  EXPECT_FALSE(sender.ended());
  EXPECT_EQ(read_from(ends.reads).size(), filled);
  run_until([&] { return sender.ended(); });
  EXPECT_EQ(sender.last_end(), 8);
  EXPECT_EQ(read_from(ends.reads), "the rest");
}

TEST_P(SeamFile, a_watch_of_the_writing_end_ends_when_the_last_reader_has_gone) {
  Pipe ends = pipe();
  OwnedFileDescriptor other(FileDescriptor{::fcntl(ends.reads.get().number, F_DUPFD_CLOEXEC, 3)});
  const ChannelId channel = attach_file(std::move(ends.writes));
  auto& watch = make<Receiver>();
  watch_hangup(watch, channel);
  turns(3);
  expect_no_spin();
  ends.reads.reset();
  turns(3);
  EXPECT_FALSE(watch.ended());
  other.reset();
  run_until([&] { return watch.ended(); });
  EXPECT_EQ(watch.last_end(), -EPIPE);
}

TEST_P(SeamFile, a_watch_and_a_send_that_waits_are_both_told_that_the_reader_has_gone) {
  Pipe ends = pipe();
  const ChannelId channel = attach_file(std::move(ends.writes));
  static_cast<void>(fill(channel));
  auto& watch = make<Receiver>();
  watch_hangup(watch, channel);
  auto& sender = make<Sender>();
  sender.rest = "more";
  start(sender, channel);
  turns(2);
  ends.reads.reset();
  run_until([&] { return watch.ended() && sender.ended(); });
  EXPECT_EQ(watch.last_end(), -EPIPE);
  EXPECT_EQ(sender.last_end(), -EPIPE);
}

TEST_P(SeamFile, a_send_to_nobody_is_an_error_and_no_signal) {
  Pipe ends = pipe();
  const ChannelId channel = attach_file(std::move(ends.writes));
  ends.reads.reset();
  auto& sender = make<Sender>();
  EXPECT_EQ(send_now(sender, channel, "lost"), -EPIPE);
}

TEST_P(SeamFile, what_can_not_be_watched_never_hangs_up) {
  if (is_simulated()) GTEST_SKIP() << "about a thing of the system";
  const ChannelId channel = attach_file(
      OwnedFileDescriptor(FileDescriptor{::open("/dev/null", O_WRONLY | O_NONBLOCK | O_CLOEXEC)}));
  auto& watch = make<Receiver>();
  watch_hangup(watch, channel);
  turns(5);
  expect_no_spin();
  EXPECT_FALSE(watch.ended());
  auto& sender = make<Sender>();
  EXPECT_EQ(send_now(sender, channel, "into the void"), 13);
  cancel(watch);
  turns(2);
  EXPECT_EQ(watch.last_end(), -ECANCELED);
}

TEST_P(SeamFile, what_can_not_be_watched_reads_as_ended_when_it_is_looked_at) {
  if (is_simulated()) GTEST_SKIP() << "about a thing of the system";
  const ChannelId channel = attach_file(
      OwnedFileDescriptor(FileDescriptor{::open("/dev/null", O_RDONLY | O_NONBLOCK | O_CLOEXEC)}));
  auto& receiver = make<Receiver>();
  start(receiver, channel);
  hold(receiver);
  turns(5);
  expect_no_spin();
  resume(receiver);
  run_until([&] { return receiver.ended(); });
  EXPECT_EQ(receiver.last_end(), 0);
  // A cancelled one is not looked at any more.
  auto& second = make<Receiver>();
  start(second, channel);
  cancel(second);
  turns(5);
  EXPECT_EQ(second.last_end(), -ECANCELED);
}

TEST_P(SeamFile, what_never_ends_and_can_not_be_watched_is_read_a_bounded_piece_at_a_time) {
  if (is_simulated()) GTEST_SKIP() << "about a thing of the system";
  const ChannelId channel = attach_file(
      OwnedFileDescriptor(FileDescriptor{::open("/dev/zero", O_RDONLY | O_NONBLOCK | O_CLOEXEC)}));
  auto& receiver = make<Receiver>();
  start(receiver, channel);
  run_until([&] { return receiver.bytes.size() > 1'000'000; });
  const std::size_t before = receiver.bytes.size();
  turns(2);
  EXPECT_GT(receiver.bytes.size(), before) << "it is always ready";
  EXPECT_LE(receiver.bytes.size(), before + 3 * 2'000'000) << "others want their turn (E5)";
  hold(receiver);
  turns(3);
  resume(receiver);
  run_until([&] { return receiver.bytes.size() > before + 3'000'000; });
  cancel(receiver);
}

INSTANTIATE_TEST_SUITE_P(Seam, SeamFile, ::testing::ValuesIn(grounds()), name_of);

}  // namespace
}  // namespace tidegate::kernel::testing
