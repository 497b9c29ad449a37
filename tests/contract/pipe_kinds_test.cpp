// What can be a pipe, and how it is found and left: P1, P4, C4.
#include "contract/pipe_rig.hpp"

#include <filesystem>
#include <stdexcept>

#include <pty.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>

namespace tidegate::pipe_rig {
namespace {

using ::testing::ElementsAre;

constexpr const char* kRefused = "Pipe transport is for pipes/sockets only.";

class PipeKinds : public PipeTest {
 protected:
  void SetUp() override {
    std::string name = ::testing::TempDir() + "tidegate_pipes_XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    PipeTest::SetUp();
  }
  void TearDown() override {
    PipeTest::TearDown();
    std::filesystem::remove_all(folder_);
  }

  [[nodiscard]] std::string path(const char* name) const { return folder_ + "/" + name; }
  [[nodiscard]] static OwnedFileDescriptor open(const std::string& path, int flags) {
    OwnedFileDescriptor opened(FileDescriptor{::open(path.c_str(), flags | O_CLOEXEC, 0600)});
    EXPECT_TRUE(opened.valid()) << path;
    return opened;
  }

  /// Both ways, by value and borrowed.
  void expect_refused(OwnedFileDescriptor& descriptor) {
    const auto factory = [] { return std::make_shared<PipeRecorder>(); };
    const int flags = flags_of(descriptor.get());
    const auto refusal = [&](const auto& call) { return loop_rig::thrown_text<std::invalid_argument>(call); };
    EXPECT_EQ(refusal([&] { static_cast<void>(loop().connect_read_pipe(factory, std::move(descriptor))); }),
              kRefused);
    EXPECT_EQ(refusal([&] { static_cast<void>(loop().connect_write_pipe(factory, std::move(descriptor))); }),
              kRefused);
    EXPECT_EQ(refusal([&] { static_cast<void>(loop().connect_read_pipe(factory, descriptor.get())); }),
              kRefused);
    EXPECT_EQ(refusal([&] { static_cast<void>(loop().connect_write_pipe(factory, descriptor.get())); }),
              kRefused);
    ASSERT_TRUE(descriptor.valid());
    EXPECT_TRUE(is_open(descriptor.get()));
    EXPECT_EQ(flags_of(descriptor.get()), flags);
  }

 private:
  std::string folder_;
};

TEST_F(PipeKinds, P1_a_regular_file_is_refused_and_stays_the_callers_as_it_was) {
  OwnedFileDescriptor file = open(path("file"), O_RDWR | O_CREAT);
  expect_refused(file);
}

TEST_F(PipeKinds, P1_a_folder_is_refused_and_stays_the_callers_as_it_was) {
  OwnedFileDescriptor folder = open(path("."), O_RDONLY);
  expect_refused(folder);
}

TEST_F(PipeKinds, P1_a_descriptor_that_is_not_open_is_an_error_of_the_system) {
  const auto factory = [] { return std::make_shared<PipeRecorder>(); };
  EXPECT_THROW(static_cast<void>(loop().connect_read_pipe(factory, FileDescriptor{1'000'000})), OsError);
}

TEST_F(PipeKinds, P1_a_pipe_both_ways) {
  auto [reads, writes] = make_pipe();
  const auto reader = read_from(std::move(reads));
  const auto writer = write_to(std::move(writes));
  writer->transport->write("tide");
  ASSERT_TRUE(run_until([&] { return reader->received == "tide"; }));
  writer->transport->close();
  ASSERT_TRUE(run_until([&] { return reader->lost && writer->lost; }));
  EXPECT_THAT(reader->calls, ElementsAre("made", "eof", "lost"));
  EXPECT_THAT(writer->calls, ElementsAre("made", "lost"));
  EXPECT_FALSE(reader->lost_reason);
  EXPECT_FALSE(writer->lost_reason);
}

TEST_F(PipeKinds, P1_a_fifo_that_nobody_writes_to_yet_waits) {
  ASSERT_EQ(::mkfifo(path("fifo").c_str(), 0600), 0);
  const auto reader = read_from(open(path("fifo"), O_RDONLY | O_NONBLOCK));
  turns(20);
  reader->transport->pause_reading();
  turns(3);
  reader->transport->resume_reading();
  turns(20);
  EXPECT_FALSE(reader->lost) << "a read of it says 0, which is no end yet";
  const OwnedFileDescriptor writes = open(path("fifo"), O_WRONLY);
  raw_write(writes, "news");
  ASSERT_TRUE(run_until([&] { return reader->received == "news"; }));
}

TEST_F(PipeKinds, P1_a_socket_both_ways) {
  auto [here, there] = Socket::pair();
  const auto reader = read_from(here.release());
  const auto writer = write_to(there.release());
  writer->transport->write(pattern(100'000));
  writer->transport->close();
  ASSERT_TRUE(run_until([&] { return reader->lost; }));
  EXPECT_EQ(reader->received, pattern(100'000));
}

TEST_F(PipeKinds, P1_a_terminal_both_ways_and_its_end_is_an_ordinary_one) {
  int master = -1;
  int slave = -1;
  ASSERT_EQ(::openpty(&master, &slave, nullptr, nullptr, nullptr), 0);
  OwnedFileDescriptor screen(FileDescriptor{master});
  OwnedFileDescriptor terminal(FileDescriptor{slave});
  termios raw{};
  ::tcgetattr(slave, &raw);
  ::cfmakeraw(&raw);
  ::tcsetattr(slave, TCSANOW, &raw);
  const auto writer = write_to(terminal.get());
  const auto reader = read_from(screen.get());
  writer->transport->write("typed");
  ASSERT_TRUE(run_until([&] { return reader->received == "typed"; }));
  // Input does not close the writing side of a terminal.
  raw_write(screen, "keys");
  turns(20);
  EXPECT_FALSE(writer->lost);
  writer->transport->close();
  ASSERT_TRUE(run_until([&] { return writer->lost; }));
  terminal.reset();  // the last one: a read of the other side says EIO now
  ASSERT_TRUE(run_until([&] { return reader->lost; }));
  EXPECT_THAT(reader->calls, ElementsAre("made", "eof", "lost"));
  EXPECT_FALSE(reader->lost_reason) << reader->lost_reason.message();
}

TEST_F(PipeKinds, P1_devnull_takes_everything) {
  const auto writer = write_to(open("/dev/null", O_WRONLY));
  writer->transport->write(pattern(1'000'000));
  turns(5);
  EXPECT_EQ(writer->transport->get_write_buffer_size(), 0U);
  EXPECT_FALSE(writer->lost);
  writer->transport->close();
  ASSERT_TRUE(run_until([&] { return writer->lost; }));
  EXPECT_FALSE(writer->lost_reason);
}

TEST_F(PipeKinds, what_the_transport_says_of_itself) {
  auto [reads, writes] = make_pipe();
  const FileDescriptor number = reads.get();
  const auto reader = read_from(std::move(reads));
  EXPECT_EQ(std::any_cast<FileDescriptor>(reader->transport->get_extra_info("pipe")), number);
  EXPECT_FALSE(reader->transport->get_extra_info("socket").has_value());
  EXPECT_TRUE(reader->transport->peername().empty());
  EXPECT_TRUE(reader->transport->sockname().empty());
}

// --- shared descriptions -------------------------------------------------------------------------

/// Blocking ends, and what the program goes on with.
struct Blocking {
  Blocking() {
    int numbers[2] = {-1, -1};
    EXPECT_EQ(::pipe2(numbers, O_CLOEXEC), 0);
    reads = OwnedFileDescriptor(FileDescriptor{numbers[0]});
    writes = OwnedFileDescriptor(FileDescriptor{numbers[1]});
  }
  OwnedFileDescriptor reads;
  OwnedFileDescriptor writes;
};

TEST_F(PipeKinds, P4_a_borrowed_descriptor_is_non_blocking_meanwhile_and_put_back_as_found) {
  const Blocking pipe;
  const auto reader = read_from(pipe.reads.get());
  EXPECT_TRUE(is_nonblocking(pipe.reads.get()));
  reader->transport->close();
  ASSERT_TRUE(run_until([&] { return reader->lost; }));
  turns(2);
  EXPECT_TRUE(is_open(pipe.reads.get()));
  EXPECT_FALSE(is_nonblocking(pipe.reads.get()));
}

TEST_F(PipeKinds, P4_one_that_was_non_blocking_stays_so) {
  const auto [reads, writes] = make_pipe();
  const auto writer = write_to(writes.get());
  writer->transport->abort();
  ASSERT_TRUE(run_until([&] { return writer->lost; }));
  turns(2);
  EXPECT_TRUE(is_open(writes.get()));
  EXPECT_TRUE(is_nonblocking(writes.get()));
}

TEST_F(PipeKinds, P4_one_that_is_taken_over_is_put_back_for_those_who_share_it_and_closed) {
  Blocking pipe;
  const OwnedFileDescriptor shares(FileDescriptor{::fcntl(pipe.reads.get().number, F_DUPFD_CLOEXEC, 3)});
  const FileDescriptor number = pipe.reads.get();
  const auto reader = read_from(std::move(pipe.reads));
  EXPECT_TRUE(is_nonblocking(shares.get()));
  reader->transport->close();
  ASSERT_TRUE(run_until([&] { return reader->lost; }));
  turns(2);
  EXPECT_FALSE(is_nonblocking(shares.get()));
  EXPECT_FALSE(is_open(number));
}

TEST_F(PipeKinds, P4_a_description_that_two_transports_share_is_put_back_when_the_last_has_ended) {
  int master = -1;
  int slave = -1;
  ASSERT_EQ(::openpty(&master, &slave, nullptr, nullptr, nullptr), 0);
  const OwnedFileDescriptor screen(FileDescriptor{master});
  const OwnedFileDescriptor terminal(FileDescriptor{slave});
  const OwnedFileDescriptor other(FileDescriptor{::fcntl(slave, F_DUPFD_CLOEXEC, 3)});  // as 1 is of 0
  for (const bool reader_first : {true, false}) {
    const auto reader = read_from(terminal.get());
    const auto writer = write_to(other.get());
    const auto& first = reader_first ? reader : writer;
    const auto& last = reader_first ? writer : reader;
    first->transport->close();
    ASSERT_TRUE(run_until([&] { return first->lost; }));
    turns(2);
    EXPECT_TRUE(is_nonblocking(terminal.get())) << "the other one would block";
    last->transport->close();
    ASSERT_TRUE(run_until([&] { return last->lost; }));
    turns(2);
    EXPECT_FALSE(is_nonblocking(terminal.get()));
  }
}

TEST_F(PipeKinds, P4_closing_the_loop_puts_it_back_too) {
  const Blocking pipe;
  const auto reader = read_from(pipe.reads.get());
  end_loop();
  EXPECT_EQ(take_reports().size(), 1U) << "unclosed transport";
  EXPECT_TRUE(is_open(pipe.reads.get()));
  EXPECT_FALSE(is_nonblocking(pipe.reads.get()));
}

TEST_F(PipeKinds, P4_a_call_that_is_never_awaited_puts_it_back_too) {
  const Blocking pipe;
  {
    const loop_rig::LogCapture log;  // a task that was never awaited is worth a warning
    const auto factory = [] { return std::make_shared<PipeRecorder>(); };
    auto dropped = loop().connect_read_pipe(factory, pipe.reads.get());
    EXPECT_TRUE(is_nonblocking(pipe.reads.get()));
  }
  EXPECT_FALSE(is_nonblocking(pipe.reads.get()));
}

TEST_F(PipeKinds, a_factory_that_throws_leaves_nothing_behind) {
  Blocking pipe;
  const auto factory = []() -> std::shared_ptr<PipeRecorder> { throw std::runtime_error("no protocol"); };
  EXPECT_THROW(run(loop().connect_read_pipe(factory, pipe.reads.get())), std::runtime_error);
  EXPECT_FALSE(is_nonblocking(pipe.reads.get()));
  const FileDescriptor number = pipe.writes.get();
  EXPECT_THROW(run(loop().connect_write_pipe(factory, std::move(pipe.writes))), std::runtime_error);
  EXPECT_FALSE(is_open(number));
}

}  // namespace
}  // namespace tidegate::pipe_rig
