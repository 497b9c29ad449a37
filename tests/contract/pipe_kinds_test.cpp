// What can be a pipe, and what can't: P1, C4.
#include "contract/pipe_rig.hpp"

#include <stdexcept>

#include <sys/socket.h>

namespace tidegate::pipe_rig {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* kRefused = "Pipe transport is for pipes/sockets only.";

class PipeKinds : public PipeFileTest {
 protected:
  /// Both ways, by value and borrowed.
  void expect_refused(OwnedFileDescriptor& descriptor) {
    const auto factory = [] { return std::make_shared<PipeRecorder>(); };
    const int flags = flags_of(descriptor.get());
    const int descriptor_flags = ::fcntl(descriptor.get().number, F_GETFD);
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
    EXPECT_EQ(::fcntl(descriptor.get().number, F_GETFD), descriptor_flags);
  }
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

TEST_F(PipeKinds, P1_an_end_for_the_other_direction_is_refused_and_stays_the_callers) {
  const auto factory = [] { return std::make_shared<PipeRecorder>(); };
  auto [reads, writes] = make_pipe();
  const auto refusal = [&](const auto& call) { return loop_rig::thrown_text<std::invalid_argument>(call); };
  EXPECT_THAT(refusal([&] { static_cast<void>(loop().connect_read_pipe(factory, std::move(writes))); }),
              HasSubstr("is open for writing only"));
  EXPECT_THAT(refusal([&] { static_cast<void>(loop().connect_write_pipe(factory, reads.get())); }),
              HasSubstr("is open for reading only"));
  EXPECT_TRUE(writes.valid() && is_open(writes.get()));
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

TEST_F(PipeKinds, P1_a_socket_both_ways) {
  auto [here, there] = Socket::pair();
  const auto reader = read_from(here.release());
  const auto writer = write_to(there.release());
  writer->transport->write(pattern(100'000));
  writer->transport->close();
  ASSERT_TRUE(run_until([&] { return reader->lost; }));
  EXPECT_EQ(reader->received, pattern(100'000));
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
