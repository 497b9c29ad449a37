// Files that the kernel can't send by itself, and what is no file: N1's fallback.
#include "contract/sendfile_rig.hpp"

#include <array>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <limits>
#include <stdexcept>
#include <string>
#include <thread>

#include <fcntl.h>
#include <unistd.h>

namespace tidegate::contract {
namespace {

/// A pipe that blocks, as most are that programs are given.
struct BlockingPipe {
  BlockingPipe() {
    std::array<int, 2> ends{-1, -1};
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    reads = OwnedFileDescriptor(FileDescriptor{ends[0]});
    writes = OwnedFileDescriptor(FileDescriptor{ends[1]});
  }
  void write(std::string_view text) const {
    while (!text.empty()) {
      const ssize_t count = ::write(writes.get().number, text.data(), text.size());
      ASSERT_GT(count, 0);
      text.remove_prefix(static_cast<std::size_t>(count));
    }
  }

  OwnedFileDescriptor reads;
  OwnedFileDescriptor writes;
};

OwnedFileDescriptor open(const char* path, int flags = O_RDONLY) {
  return OwnedFileDescriptor(FileDescriptor{::open(path, flags | O_CLOEXEC)});
}

class SendfileOddFiles : public SendfileTest {
 protected:
  /// Has a thread write more than a pipe holds to it, and end it.
  [[nodiscard]] static std::thread feed(BlockingPipe& pipe, std::size_t size_bytes, std::size_t from = 0) {
    return std::thread([&pipe, size_bytes, from] {
      pipe.write(pattern(size_bytes, from));
      pipe.writes.reset();
    });
  }
};

// --- what can be read all the same ---------------------------------------------------------------

TEST_P(SendfileOddFiles, N1_what_comes_out_of_a_pipe_is_read_and_written_to_its_end) {
  connect_raw();
  BlockingPipe pipe;
  here().write(pattern(10));
  std::thread feeder = feed(pipe, kMuchBytes, 10);
  const auto sending = send(pipe.reads.get());
  expect_arrival(kMuchBytes + 10);
  EXPECT_EQ(result_of(sending), kMuchBytes);
  feeder.join();
  here().write(pattern(5, kMuchBytes + 10));
  expect_arrival(kMuchBytes + 15);
}

TEST_P(SendfileOddFiles, N1_of_a_pipe_no_more_is_read_than_was_asked_for) {
  connect_raw();
  BlockingPipe pipe;
  pipe.write(pattern(100));
  EXPECT_EQ(result_of(send(pipe.reads.get(), {.count = 60})), 60U);
  EXPECT_EQ(result_of(send(pipe.reads.get(), {.count = 40})), 40U);
  expect_arrival(100);
}

TEST_P(SendfileOddFiles, N1_a_file_of_proc_has_no_size_and_is_sent_all_the_same) {
  connect_raw();
  std::ifstream stream("/proc/version");
  const std::string expected{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  ASSERT_FALSE(expected.empty());
  const OwnedFileDescriptor file = open("/proc/version");
  EXPECT_EQ(result_of(send(file.get())), expected.size());
  EXPECT_EQ(::lseek(file.get().number, 0, SEEK_CUR), static_cast<off_t>(expected.size()));
  EXPECT_EQ(result_of(send(file.get(), {.offset = 5, .count = 10})), 10U);
  expect_bytes(expected + expected.substr(5, 10));
}

TEST_P(SendfileOddFiles, N1_a_file_that_is_appended_to_is_sent_from_the_offset) {
  connect_raw();
  const ScratchFile file(pattern(1'000));
  const int flags = ::fcntl(file.descriptor().number, F_GETFL);
  ASSERT_EQ(::fcntl(file.descriptor().number, F_SETFL, flags | O_APPEND), 0);
  EXPECT_EQ(result_of(send(file)), 1'000U);
  expect_arrival(1'000);
}

TEST_P(SendfileOddFiles, F6_a_slow_peer_keeps_no_more_in_memory_than_the_mark_and_one_piece) {
  constexpr std::size_t kPieceBytes = 256 * 1024;
  connect_raw();
  here().set_limits({.high = 100'000});
  BlockingPipe pipe;
  std::thread feeder = feed(pipe, kMoreThanFitsBytes);
  const auto sending = send(pipe.reads.get());
  std::size_t largest = 0;
  rig().run_until([&] {
    largest = std::max(largest, here().buffered());
    peer().receive(100'000);
    return sending.done();
  });
  EXPECT_EQ(result_of(sending), kMoreThanFitsBytes);
  EXPECT_LE(largest, 100'000 + kPieceBytes);
  feeder.join();
  expect_arrival(kMoreThanFitsBytes);
  rig().run_until([&] { return !here().writing_paused; });
}

// --- and how that ends ---------------------------------------------------------------------------

TEST_P(SendfileOddFiles, N1_writing_meanwhile_is_an_error) {
  connect_raw();
  BlockingPipe pipe;
  pipe.write(pattern(10));
  const auto sending = send(pipe.reads.get());
  expect_arrival(10);
  EXPECT_FALSE(sending.done()) << "the pipe has not ended";
  EXPECT_EQ(thrown_text<InvalidStateError>([&] { here().transport().write("x"); }),
            "unable to write; sendfile is in progress");
  pipe.write(pattern(10, 10));
  pipe.writes.reset();
  EXPECT_EQ(result_of(sending), 20U);
  expect_arrival(20);
}

TEST_P(SendfileOddFiles, N1_a_transport_that_is_closed_meanwhile_fails_it) {
  connect_raw();
  BlockingPipe pipe;
  pipe.write(pattern(10));
  const auto sending = send(pipe.reads.get());
  expect_arrival(10);
  here().close();
  pipe.write("more");  // it is reading just now
  EXPECT_EQ(code_of(sending), std::errc::connection_aborted) << failure_of(sending);
  run_until_lost();
}

TEST_P(SendfileOddFiles, N1_one_that_is_cancelled_leaves_the_transport_usable) {
  connect_raw();
  BlockingPipe pipe;
  pipe.write(pattern(10));
  const auto sending = send(pipe.reads.get());
  expect_arrival(10);
  sending.cancel();
  EXPECT_EQ(failure_of(sending), "cancelled");
  here().write(pattern(10, 10));
  expect_arrival(20);
  pipe.writes.reset();  // a thread may still be reading
}

// --- what is refused -----------------------------------------------------------------------------

TEST_P(SendfileOddFiles, N1_without_fallback_what_the_kernel_can_not_send_is_refused_and_nothing_is_sent) {
  connect_raw();
  BlockingPipe pipe;
  pipe.write("text");
  const auto sending = send(pipe.reads.get(), {.fallback = false});
  rig().run_until([&] { return sending.done(); });
  EXPECT_THROW(static_cast<void>(sending.result()), SendfileNotAvailableError);
  EXPECT_EQ(result_of(send(pipe.reads.get(), {.count = 4})), 4U);
  here().write("and on");
  expect_bytes("textand on");
}

TEST_P(SendfileOddFiles, N1_what_is_no_file_is_an_error_that_says_so_and_the_transport_lives_on) {
  connect_raw();
  const OwnedFileDescriptor folder = open("/");
  const OwnedFileDescriptor written = open("/dev/null", O_WRONLY);
  EXPECT_EQ(code_of(send(folder.get())), std::errc::is_a_directory);
  EXPECT_EQ(code_of(send(written.get())), std::errc::bad_file_descriptor);
  EXPECT_EQ(code_of(send(FileDescriptor{})), std::errc::bad_file_descriptor);
  BlockingPipe pipe;
  EXPECT_EQ(code_of(send(pipe.writes.get())), std::errc::bad_file_descriptor);
  EXPECT_THROW(static_cast<void>(send(written.get(), {.offset = std::numeric_limits<std::uint64_t>::max()})),
               std::invalid_argument);
  here().write("and on");
  expect_bytes("and on");
}

INSTANTIATE_TEST_SUITE_P(Streams, SendfileOddFiles, ::testing::ValuesIn(each_carrier()), name_of);

}  // namespace
}  // namespace tidegate::contract
