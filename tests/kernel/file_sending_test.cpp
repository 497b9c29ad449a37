// Sending files: from the page cache, what there is room for at the time, and once.
#include "kernel/seam_test.hpp"
#include "support/scratch_file.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <string>

#include <fcntl.h>
#include <unistd.h>

namespace tidegate::kernel::testing {
namespace {

using tidegate::testing::ScratchFile;

FilePart part_of(const ScratchFile& file, std::size_t size_bytes, std::uint64_t offset = 0) {
  return {.file = file.descriptor(), .offset = offset, .size_bytes = size_bytes};
}

class SeamFileSending : public SeamTest {
 protected:
  /// Offers the rest again whenever some of it has left, until there is none.
  void send_all(FileSender& sender, ChannelId channel) {
    sender.on_completed = [this, &sender, channel](int result) {
      ASSERT_GE(result, 0);
      if (result > 0 && sender.next.size_bytes > 0) start(sender, channel);
    };
    start(sender, channel);
  }
};

// --- at once -------------------------------------------------------------------------------------

TEST_P(SeamFileSending, a_part_arrives_and_the_file_stays_where_it_stands) {
  Link link = this->link();
  ScratchFile file(pattern(10'000));
  file.set_position(3);
  EXPECT_EQ(backend().try_send_file(link.channel, part_of(file, 2'000, 500)), 2'000);
  EXPECT_TRUE(link.peer.has(2'000));
  EXPECT_EQ(link.peer.received, pattern(2'000, 500));
  EXPECT_EQ(file.position(), 3);
}

TEST_P(SeamFileSending, where_the_file_ends_it_is_cut_and_then_nothing) {
  Link link = this->link();
  const ScratchFile file(pattern(100));
  EXPECT_EQ(backend().try_send_file(link.channel, part_of(file, 5'000)), 100);
  EXPECT_EQ(backend().try_send_file(link.channel, part_of(file, 5'000, 100)), 0);
  EXPECT_EQ(backend().try_send_file(link.channel, part_of(file, 5'000, 1'000'000)), 0);
  EXPECT_TRUE(link.peer.has(100));
}

TEST_P(SeamFileSending, a_full_socket_takes_nothing_and_loses_nothing) {
  Link link = this->link();
  const std::size_t filled = fill(link.channel);
  const ScratchFile file(pattern(100));
  EXPECT_EQ(backend().try_send_file(link.channel, part_of(file, 100)), -EAGAIN);
  EXPECT_TRUE(link.peer.has(filled));
  EXPECT_EQ(link.peer.received.size(), filled);
}

TEST_P(SeamFileSending, a_peer_that_has_gone_is_an_error_and_no_signal_also_where_some_was_taken_before) {
  if (is_simulated()) GTEST_SKIP() << "about a thing of the system";
  const ScratchFile file(pattern(1'000'000));
  struct sigaction before {};
  struct sigaction deadly {};
  deadly.sa_handler = SIG_DFL;
  ASSERT_EQ(::sigaction(SIGPIPE, &deadly, &before), 0);
  for (const bool tcp : {false, true}) {
    SCOPED_TRACE(tcp);
    Link link = this->link(tcp ? tcp_pair() : unix_pair());
    link.peer.close();
    turns(2);
    std::ptrdiff_t result = 0;
    while (result >= 0) result = backend().try_send_file(link.channel, part_of(file, 1'000'000));
    EXPECT_TRUE(result == -EPIPE || result == -ECONNRESET) << result;
    EXPECT_EQ(backend().try_send_file(link.channel, part_of(file, 100)), -EPIPE);
  }
  sigset_t pending;
  ::sigpending(&pending);
  EXPECT_EQ(sigismember(&pending, SIGPIPE), 0);
  ASSERT_EQ(::sigaction(SIGPIPE, &before, nullptr), 0);
}

TEST_P(SeamFileSending, a_pipe_can_not_be_sent_as_a_file) {
  Link link = this->link();
  std::array<int, 2> numbers{-1, -1};
  ASSERT_EQ(::pipe2(numbers.data(), O_CLOEXEC), 0);
  const OwnedFileDescriptor reads(FileDescriptor{numbers[0]});
  const OwnedFileDescriptor writes(FileDescriptor{numbers[1]});
  EXPECT_EQ(backend().try_send_file(link.channel, {.file = reads.get(), .offset = 0, .size_bytes = 10}),
            -ESPIPE);
}

// --- when there is room --------------------------------------------------------------------------

TEST_P(SeamFileSending, a_part_waits_for_room_and_then_leaves) {
  Link link = this->link();
  const std::size_t filled = fill(link.channel);
  const ScratchFile file(pattern(100, filled));
  auto& sender = make<FileSender>();
  sender.next = part_of(file, 100);
  start(sender, link.channel);
  run_until_quiet();
  EXPECT_TRUE(sender.in_flight());
  expect_no_spin();
  EXPECT_TRUE(link.peer.has(filled));
  run_until([&] { return sender.ended(); });
  EXPECT_EQ(sender.ends, std::vector<int>{100});
  EXPECT_TRUE(link.peer.has(filled + 100));
  EXPECT_EQ(link.peer.received.substr(filled), pattern(100, filled));
}

TEST_P(SeamFileSending, a_large_file_leaves_part_by_part_as_the_peer_reads) {
  constexpr std::size_t kBytes = 10'000'000;
  for (const bool tcp : {false, true}) {
    SCOPED_TRACE(tcp);
    Link link = this->link(tcp ? tcp_pair() : unix_pair());
    const ScratchFile file(pattern(kBytes));
    auto& sender = make<FileSender>();
    sender.next = part_of(file, kBytes);
    send_all(sender, link.channel);
    run_until([&] { return link.peer.has(kBytes); });
    EXPECT_TRUE(link.peer.received == pattern(kBytes));
    run_until([&] { return sender.ended(); });
    EXPECT_GT(sender.starts, 1) << "it was to be more than fits";
    expect_no_spin();
  }
}

TEST_P(SeamFileSending, it_receives_meanwhile) {
  Link link = this->link();
  auto& receiver = make<Receiver>();
  start(receiver, link.channel);
  const ScratchFile file(pattern(3'000'000));
  auto& sender = make<FileSender>();
  sender.next = part_of(file, 3'000'000);
  send_all(sender, link.channel);
  turns(5);
  link.peer.send(pattern(1'000));
  run_until([&] { return receiver.bytes.size() == 1'000; });
  run_until([&] { return link.peer.has(3'000'000); });
  run_until([&] { return sender.ended(); });
}

TEST_P(SeamFileSending, a_file_that_became_shorter_meanwhile_ends_with_nothing) {
  Link link = this->link();
  const std::size_t filled = fill(link.channel);
  ScratchFile file(pattern(100));
  auto& sender = make<FileSender>();
  sender.next = part_of(file, 50, 50);
  start(sender, link.channel);
  turns(2);
  file.set_size(50);
  EXPECT_TRUE(link.peer.has(filled));
  run_until([&] { return sender.ended(); });
  EXPECT_EQ(sender.ends, std::vector<int>{0});
}

TEST_P(SeamFileSending, waiting_towards_a_peer_that_has_half_closed_neither_spins_nor_stops) {
  for (const bool tcp : {false, true}) {
    SCOPED_TRACE(tcp);
    Link link = this->link(tcp ? tcp_pair() : unix_pair());
    link.peer.shutdown_write();
    const ScratchFile file(pattern(10'000'000));
    auto& sender = make<FileSender>();
    sender.next = part_of(file, 10'000'000);
    send_all(sender, link.channel);
    run_until_quiet();
    expect_no_spin();
    run_until([&] { return link.peer.has(10'000'000); });
    EXPECT_TRUE(link.peer.received == pattern(10'000'000));
    run_until([&] { return sender.ended(); });
  }
}

TEST_P(SeamFileSending, waiting_notices_that_the_connection_broke) {
  Link link = this->link(tcp_pair());
  fill(link.channel);
  const ScratchFile file(pattern(10'000'000));
  auto& sender = make<FileSender>();
  sender.next = part_of(file, 10'000'000);
  sender.on_completed = [&](int result) {
    if (result > 0) start(sender, link.channel);
  };
  start(sender, link.channel);
  run_until_quiet();
  EXPECT_TRUE(sender.in_flight());
  link.peer.reset();
  run_until([&] { return sender.ended(); });
  EXPECT_TRUE(sender.last_end() == -ECONNRESET || sender.last_end() == -EPIPE) << sender.last_end();
}

TEST_P(SeamFileSending, one_that_is_cancelled_sends_nothing_any_more) {
  Link link = this->link();
  const std::size_t filled = fill(link.channel);
  const ScratchFile file(pattern(100));
  auto& sender = make<FileSender>();
  sender.next = part_of(file, 100);
  start(sender, link.channel);
  turns(2);
  cancel(sender);
  EXPECT_TRUE(link.peer.has(filled));
  run_until([&] { return sender.ended(); });
  EXPECT_EQ(sender.ends, std::vector<int>{-ECANCELED});
  run_until_quiet();
  link.peer.receive();
  EXPECT_EQ(link.peer.received.size(), filled);
  // And the channel is as it was.
  auto& next = make<Sender>();
  EXPECT_EQ(send_now(next, link.channel, "and on"), 6);
}

TEST_P(SeamFileSending, one_on_a_channel_that_is_gone_ends_with_an_error) {
  Link link = this->link();
  const ChannelId gone = link.channel;
  close(gone);
  const ScratchFile file(pattern(100));
  auto& sender = make<FileSender>();
  sender.next = part_of(file, 100);
  start(sender, gone);
  run_until([&] { return sender.ended(); });
  EXPECT_EQ(sender.last_end(), -EBADF);
  EXPECT_EQ(backend().try_send_file(gone, part_of(file, 100)), -EBADF);
}

TEST_P(SeamFileSending, a_file_goes_through_a_pipe) {
  std::array<int, 2> numbers{-1, -1};
  ASSERT_EQ(::pipe2(numbers.data(), O_CLOEXEC | O_NONBLOCK), 0);
  const OwnedFileDescriptor reads(FileDescriptor{numbers[0]});
  const ChannelId channel = attach_file(OwnedFileDescriptor(FileDescriptor{numbers[1]}));
  const ScratchFile file(pattern(1'000'000));
  auto& sender = make<FileSender>();
  sender.next = part_of(file, 1'000'000);
  send_all(sender, channel);
  std::string arrived;
  run_until([&] {
    std::string some(100'000, '\0');
    const ssize_t count = ::read(reads.get().number, some.data(), some.size());
    if (count > 0) arrived += some.substr(0, static_cast<std::size_t>(count));
    return arrived.size() == 1'000'000;
  });
  EXPECT_TRUE(arrived == pattern(1'000'000));
  run_until([&] { return sender.ended(); });
}

TEST_P(SeamFileSending, a_device_without_readiness_is_never_waited_for) {
  if (is_simulated()) GTEST_SKIP() << "about a thing of the system";
  const ChannelId channel =
      attach_file(OwnedFileDescriptor(FileDescriptor{::open("/dev/null", O_WRONLY | O_CLOEXEC)}));
  const ScratchFile file(pattern(1'000));
  auto& sender = make<FileSender>();
  sender.next = part_of(file, 1'000);
  start(sender, channel);
  run_until([&] { return sender.ended(); });
  EXPECT_EQ(sender.ends, std::vector<int>{1'000});
}

INSTANTIATE_TEST_SUITE_P(Seam, SeamFileSending, ::testing::ValuesIn(grounds()), name_of);

}  // namespace
}  // namespace tidegate::kernel::testing
