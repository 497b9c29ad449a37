// Descriptors that others share, and how those find them: P4.
#include "contract/pipe_rig.hpp"

#include <array>
#include <optional>
#include <set>

namespace tidegate::pipe_rig {
namespace {

class PipeSharing : public PipeTest {};

TEST_F(PipeSharing, P4_a_borrowed_descriptor_is_non_blocking_meanwhile_and_put_back_as_found) {
  const Blocking pipe;
  const auto reader = read_from(pipe.reads.get());
  EXPECT_TRUE(is_nonblocking(pipe.reads.get()));
  reader->transport->close();
  ASSERT_TRUE(run_until([&] { return reader->lost; }));
  turns(2);
  EXPECT_TRUE(is_open(pipe.reads.get()));
  EXPECT_FALSE(is_nonblocking(pipe.reads.get()));
}

TEST_F(PipeSharing, P4_one_that_was_non_blocking_stays_so) {
  const auto [reads, writes] = make_pipe();
  const auto writer = write_to(writes.get());
  writer->transport->abort();
  ASSERT_TRUE(run_until([&] { return writer->lost; }));
  turns(2);
  EXPECT_TRUE(is_open(writes.get()));
  EXPECT_TRUE(is_nonblocking(writes.get()));
}

TEST_F(PipeSharing, P4_one_that_is_taken_over_is_put_back_for_those_who_share_it_and_closed) {
  Blocking pipe;
  const OwnedFileDescriptor shares = duplicate_of(pipe.reads);
  const FileDescriptor number = pipe.reads.get();
  const auto reader = read_from(std::move(pipe.reads));
  EXPECT_TRUE(is_nonblocking(shares.get()));
  reader->transport->close();
  ASSERT_TRUE(run_until([&] { return reader->lost; }));
  turns(2);
  EXPECT_FALSE(is_nonblocking(shares.get()));
  EXPECT_FALSE(is_open(number));
}

TEST_F(PipeSharing, P4_a_description_that_two_transports_share_is_put_back_when_the_last_has_ended) {
  const Terminal pair;
  const OwnedFileDescriptor& terminal = pair.terminal;
  const OwnedFileDescriptor other = duplicate_of(terminal);  // as 1 is of 0
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

TEST_F(PipeSharing, P4_closing_the_loop_puts_it_back_too) {
  const Blocking pipe;
  const auto reader = read_from(pipe.reads.get());
  end_loop();
  EXPECT_EQ(take_reports().size(), 1U) << "unclosed transport";
  EXPECT_TRUE(is_open(pipe.reads.get()));
  EXPECT_FALSE(is_nonblocking(pipe.reads.get()));
}

TEST_F(PipeSharing, P4_a_call_that_is_never_awaited_puts_it_back_too) {
  const Blocking pipe;
  {
    const loop_rig::LogCapture log;  // a task that was never awaited is worth a warning
    const auto factory = [] { return std::make_shared<PipeRecorder>(); };
    auto dropped = loop().connect_read_pipe(factory, pipe.reads.get());
    EXPECT_TRUE(is_nonblocking(pipe.reads.get()));
  }
  EXPECT_FALSE(is_nonblocking(pipe.reads.get()));
}

TEST_F(PipeSharing, E6_what_is_handed_over_is_close_on_exec_from_then_on) {
  int numbers[2] = {-1, -1};
  ASSERT_EQ(::pipe(numbers), 0);
  const auto reader = read_from(OwnedFileDescriptor(FileDescriptor{numbers[0]}));
  const auto writer = write_to(OwnedFileDescriptor(FileDescriptor{numbers[1]}));
  for (const int number : numbers) EXPECT_NE(::fcntl(number, F_GETFD) & FD_CLOEXEC, 0);
}

// --- 0, 1 and 2 ----------------------------------------------------------------------------------

/// Puts a descriptor in the place of one of those, for as long as it lives.
class InPlaceOf {
 public:
  InPlaceOf(int standard, const OwnedFileDescriptor& other)
      : standard_(standard), before_(FileDescriptor{::fcntl(standard, F_DUPFD_CLOEXEC, 3)}) {
    EXPECT_EQ(::dup2(other.get().number, standard_), standard_);
  }
  InPlaceOf(const InPlaceOf&) = delete;
  InPlaceOf& operator=(const InPlaceOf&) = delete;
  ~InPlaceOf() { ::dup2(before_.get().number, standard_); }

 private:
  int standard_;
  OwnedFileDescriptor before_;
};

class StandardDescriptors : public PipeTest {
 protected:
  static constexpr FileDescriptor kIn{0};
  static constexpr FileDescriptor kOut{1};

  /// What a program in a terminal begins with: one description under both numbers.
  void SetUp() override {
    PipeTest::SetUp();
    in_.emplace(0, pair_.terminal);
    out_.emplace(1, pair_.terminal);
  }
  /// First, so that gtest writes to where it should.
  void put_back() {
    out_.reset();
    in_.reset();
  }
  void TearDown() override {
    put_back();
    PipeTest::TearDown();
  }

  Terminal pair_;
  std::optional<InPlaceOf> in_;
  std::optional<InPlaceOf> out_;
};

TEST_F(StandardDescriptors, P4_are_used_and_left_as_found) {
  {
    const auto reader = read_from(kIn);
    const auto writer = write_to(kOut);
    EXPECT_TRUE(is_nonblocking(pair_.terminal.get()));
    raw_write(pair_.screen, "typed");
    EXPECT_TRUE(run_until([&] { return reader->received == "typed"; }));
    writer->transport->write("shown");
    turns(3);
    std::array<char, 100> shown{};
    EXPECT_EQ(::read(pair_.screen.get().number, shown.data(), shown.size()), 5);
    EXPECT_STREQ(shown.data(), "shown");
    reader->transport->close();
    writer->transport->close();
    EXPECT_TRUE(run_until([&] { return reader->lost && writer->lost; }));
  }
  turns(2);
  EXPECT_TRUE(is_open(kIn));
  EXPECT_TRUE(is_open(kOut));
  EXPECT_FALSE(is_nonblocking(kIn));
  put_back();
}

TEST_F(StandardDescriptors, P4_are_left_as_found_by_abort_with_bytes_that_wait) {
  const auto reader = read_from(kIn);
  const auto writer = write_to(kOut);
  writer->transport->write(pattern(1'000'000));
  turns(3);
  EXPECT_GT(writer->transport->get_write_buffer_size(), 0U);
  reader->transport->abort();
  writer->transport->abort();
  EXPECT_TRUE(run_until([&] { return reader->lost && writer->lost; }));
  turns(2);
  EXPECT_TRUE(is_open(kOut));
  EXPECT_FALSE(is_nonblocking(kOut));
  put_back();
}

TEST_F(StandardDescriptors, P4_are_left_as_found_by_a_loop_that_ends_over_open_transports) {
  const auto reader = read_from(kIn);
  const auto writer = write_to(kOut);
  writer->transport->write(pattern(1'000'000));
  turns(3);
  end_loop();
  EXPECT_TRUE(is_open(kIn));
  EXPECT_TRUE(is_open(kOut));
  EXPECT_FALSE(is_nonblocking(kIn));
  put_back();
  EXPECT_EQ(take_reports().size(), 2U) << "unclosed transport, twice";
}

TEST_F(StandardDescriptors, E6_stay_what_a_child_inherits_and_what_we_made_of_them_does_not) {
  const std::set<int> before = loop_rig::open_descriptors();
  const auto reader = read_from(kIn);
  EXPECT_EQ(::fcntl(0, F_GETFD) & FD_CLOEXEC, 0);
  for (const int number : loop_rig::open_descriptors()) {
    if (before.contains(number)) continue;
    EXPECT_NE(::fcntl(number, F_GETFD) & FD_CLOEXEC, 0) << number;
  }
  put_back();
}

}  // namespace
}  // namespace tidegate::pipe_rig
