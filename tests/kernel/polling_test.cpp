// Polling what belongs to somebody else: told in every iteration in which it is so, and in no other.
#include <tidegate/error.hpp>

#include "kernel/seam_test.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace tidegate::kernel::testing {
namespace {

using namespace std::chrono_literals;

class SeamPolling : public SeamTest {
 protected:
  void SetUp() override {
    SeamTest::SetUp();
    if (IsSkipped()) return;
    replace_pair();
  }
  void TearDown() override {
    ours_.reset();
    peer_.close();
    SeamTest::TearDown();
  }
  void replace_pair() {
    SocketPair pair = unix_pair();
    ours_ = std::move(pair.ours);
    peer_ = RawPeer(std::move(pair.theirs));
  }
  [[nodiscard]] std::string read_all() {
    std::array<char, 256> text;
    const ssize_t count = ::recv(ours_.get().number, text.data(), text.size(), MSG_DONTWAIT);
    return {text.data(), static_cast<std::size_t>(std::max<ssize_t>(count, 0))};
  }
  std::size_t fill_ours() {
    const std::string block = pattern(65'536);
    std::size_t filled = 0;
    for (;;) {
      const ssize_t sent =
          ::send(ours_.get().number, block.data(), block.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
      if (sent <= 0) return filled;
      filled += static_cast<std::size_t>(sent);
    }
  }

  OwnedFileDescriptor ours_;
  RawPeer peer_;
};

TEST_P(SeamPolling, is_told_in_every_iteration_until_it_has_been_read) {
  auto& poller = make<Poller>();
  start(poller, ours_.get(), Readiness::readable);
  turns(3);
  EXPECT_EQ(poller.times, 0);
  expect_no_spin();
  peer_.send("here");
  run_until([&] { return poller.times == 1; });
  for (int round = 2; round < 6; ++round) {
    turn(100ms);
    EXPECT_EQ(poller.times, round) << "once in every iteration";
  }
  EXPECT_EQ(read_all(), "here");
  turns(2);
  const int times = poller.times;
  turns(3);
  EXPECT_EQ(poller.times, times);
  expect_no_spin();
  peer_.send("again");
  run_until([&] { return poller.times > times; });
}

TEST_P(SeamPolling, a_reader_that_reads_when_told_is_not_told_of_what_it_has_read) {
  auto& poller = make<Poller>();
  std::string read;
  poller.on_ready = [&] {
    const std::string part = read_all();
    EXPECT_NE(part, "") << "told of nothing";
    read += part;
  };
  start(poller, ours_.get(), Readiness::readable);
  turn();
  std::string sent;
  for (int round = 0; round < 20; ++round) {
    peer_.send("part");
    sent += "part";
    run_until([&] { return read == sent; });
  }
}

TEST_P(SeamPolling, cancel_from_inside_ready_ends_it_and_leaves_nothing_behind) {
  auto& poller = make<Poller>();
  poller.on_ready = [&] { cancel(poller); };
  start(poller, ours_.get(), Readiness::readable);
  peer_.send("here");
  run_until([&] { return poller.ended(); });
  EXPECT_EQ(poller.ends, std::vector<int>{-ECANCELED});
  EXPECT_EQ(poller.times, 1);
  run_until_quiet();
  ours_.reset();
  EXPECT_TRUE(peer_.at_end()) << "nothing holds on to a descriptor that its owner has closed";
}

TEST_P(SeamPolling, after_cancel_the_owner_may_close_and_the_other_end_sees_that_at_once) {
  auto& readable = make<Poller>();
  auto& writable = make<Poller>();
  fill_ours();
  start(readable, ours_.get(), Readiness::readable);
  start(writable, ours_.get(), Readiness::writable);
  turns(2);
  cancel(readable);
  cancel(writable);
  ours_.reset();
  peer_.receive();
  EXPECT_TRUE(peer_.at_end());
}

TEST_P(SeamPolling, reading_and_writing_are_two) {
  auto& readable = make<Poller>();
  auto& writable = make<Poller>();
  start(readable, ours_.get(), Readiness::readable);
  start(writable, ours_.get(), Readiness::writable);
  run_until([&] { return writable.times >= 3; });
  EXPECT_EQ(readable.times, 0);
  cancel(writable);
  const int times = writable.times;
  peer_.send("here");
  run_until([&] { return readable.times >= 3; });
  EXPECT_EQ(writable.times, times);
}

TEST_P(SeamPolling, a_writer_towards_a_full_peer_that_has_half_closed_does_not_spin_and_hears_of_room) {
  const std::size_t filled = fill_ours();
  peer_.shutdown_write();
  auto& writable = make<Poller>();
  start(writable, ours_.get(), Readiness::writable);
  turns(3);
  expect_no_spin();
  EXPECT_EQ(writable.times, 0);
  EXPECT_TRUE(peer_.has(filled));
  run_until([&] { return writable.times >= 3; });
}

TEST_P(SeamPolling, an_end_of_file_and_a_broken_connection_are_readiness) {
  auto& readable = make<Poller>();
  auto& writable = make<Poller>();
  fill_ours();
  start(readable, ours_.get(), Readiness::readable);
  start(writable, ours_.get(), Readiness::writable);
  turns(2);
  peer_.close();
  run_until([&] { return readable.times > 0 && writable.times > 0; });
}

TEST_P(SeamPolling, a_regular_file_is_refused_and_can_be_closed_without_a_trace) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::tmpfile(), &std::fclose);
  ASSERT_NE(file, nullptr);
  auto& poller = make<Poller>();
  try {
    start(poller, FileDescriptor{::fileno(file.get())}, Readiness::readable);
    ADD_FAILURE() << "watched";
  } catch (const OsError& error) {
    EXPECT_EQ(error.code().value(), EPERM);
  }
  EXPECT_FALSE(poller.in_flight());
  turns(2);
}

TEST_P(SeamPolling, a_descriptor_that_is_closed_is_refused) {
  const FileDescriptor gone = ours_.get();
  ours_.reset();
  auto& poller = make<Poller>();
  EXPECT_THROW(start(poller, gone, Readiness::readable), OsError);
  EXPECT_FALSE(poller.in_flight());
}

TEST_P(SeamPolling, a_number_whose_watched_owner_was_closed_may_become_a_channel) {
  auto& poller = make<Poller>();
  start(poller, ours_.get(), Readiness::readable);
  turn();
  const int number = ours_.get().number;
  ours_.reset();
  peer_.close();
  SocketPair pair = unix_pair();
  if (pair.ours.get().number != number) std::swap(pair.ours, pair.theirs);
  ASSERT_EQ(pair.ours.get().number, number);
  Link link = this->link(std::move(pair));
  run_until([&] { return poller.ended(); });
  EXPECT_EQ(poller.last_end(), -ECANCELED);
  auto& receiver = make<Receiver>();
  start(receiver, link.channel);
  link.peer.send("for the channel");
  run_until([&] { return receiver.bytes == "for the channel"; });
}

TEST_P(SeamPolling, a_number_that_was_closed_and_opened_again_is_watched_as_it_is_now) {
  auto& readable = make<Poller>();
  auto& writable = make<Poller>();
  fill_ours();
  start(readable, ours_.get(), Readiness::readable);
  start(writable, ours_.get(), Readiness::writable);
  turns(2);
  // Closed by its owner with the watches on, and the other end stays, so nothing is heard of that.
  const RawPeer old_peer = std::move(peer_);
  const int number = ours_.get().number;
  ours_.reset();
  replace_pair();
  ASSERT_EQ(ours_.get().number, number);
  cancel(readable);
  backend().tell_done();
  start(readable, ours_.get(), Readiness::readable);
  peer_.send("new");
  run_until([&] { return readable.times > 0; });
  // As on epoll, where starting one has the kernel asked for both.
  run_until([&] { return writable.times > 0; });
}

TEST_P(SeamPolling, a_descriptor_that_is_closed_from_inside_ready_is_not_told_of_any_more) {
  for (const Readiness readiness : {Readiness::readable, Readiness::writable}) {
    replace_pair();
    auto& poller = make<Poller>();
    poller.on_ready = [&] { ours_.reset(); };
    peer_.send("something");
    start(poller, ours_.get(), readiness);
    const int number = ours_.get().number;
    run_until([&] { return poller.times == 1; });
    expect_no_spin();
    EXPECT_EQ(poller.times, 1);
    backend().cancel(poller, FileDescriptor{number});
    run_until([&] { return poller.ended(); });
  }
}

INSTANTIATE_TEST_SUITE_P(Seam, SeamPolling, ::testing::ValuesIn(grounds()), name_of);

}  // namespace
}  // namespace tidegate::kernel::testing
