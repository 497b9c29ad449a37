// Loop::sendfile over pipes: N1 with one direction only, and P3.
#include "contract/pipe_rig.hpp"
#include "support/scratch_file.hpp"

#include <cstdint>
#include <string>

namespace tidegate::pipe_rig {
namespace {

using ::testing::ElementsAre;
using testing::ScratchFile;

class SendfileOverPipes : public PipeTest {
 protected:
  using Sending = TaskHandle<std::uint64_t>;

  [[nodiscard]] Sending send(const std::shared_ptr<PipeRecorder>& protocol, const ScratchFile& file) {
    return loop().create_task(loop().sendfile(protocol->transport, file.descriptor()));
  }
  [[nodiscard]] std::string outcome_of(const Sending& sending) {
    EXPECT_TRUE(run_until([&] { return sending.done(); }));
    try {
      return std::to_string(sending.result());
    } catch (...) {
      return describe(std::current_exception());
    }
  }
};

TEST_F(SendfileOverPipes, N1_a_file_goes_through_a_pipe_behind_what_was_written) {
  auto [reads, writes] = make_pipe();
  const auto writer = write_to(std::move(writes));
  const std::string content = pattern(1'000'000);
  const ScratchFile file(content);
  writer->transport->write("before ");
  const auto sending = send(writer, file);
  EXPECT_EQ(drain(reads, content.size() + 7), "before " + content);
  EXPECT_EQ(outcome_of(sending), "1000000");
  EXPECT_EQ(file.position(), 1'000'000);
  writer->transport->write(" after");
  EXPECT_EQ(drain(reads, 6), " after");
}

TEST_F(SendfileOverPipes, P3_a_reader_who_goes_meanwhile_is_a_broken_pipe) {
  auto [reads, writes] = make_pipe();
  const auto writer = write_to(std::move(writes));
  const ScratchFile file(pattern(1'000'000));
  const auto sending = send(writer, file);
  turns(5);
  EXPECT_FALSE(sending.done());
  reads.reset();
  EXPECT_THAT(outcome_of(sending), ::testing::HasSubstr("Broken pipe"));
  ASSERT_TRUE(run_until([&] { return writer->lost; }));
  EXPECT_EQ(writer->lost_reason.code(), std::errc::broken_pipe);
}

TEST_F(SendfileOverPipes, W3_a_reader_who_has_gone_already_is_a_broken_pipe_and_no_signal) {
  auto [reads, writes] = make_pipe();
  const auto writer = write_to(std::move(writes));
  const ScratchFile file(pattern(1'000));
  reads.reset();
  EXPECT_THAT(outcome_of(send(writer, file)),
              ::testing::AnyOf(::testing::HasSubstr("Broken pipe"), ::testing::HasSubstr("closing"),
                               ::testing::HasSubstr("connection abort")));
  ASSERT_TRUE(run_until([&] { return writer->lost; }));
}

TEST_F(SendfileOverPipes, N1_writing_meanwhile_is_an_error_and_so_is_write_eof) {
  auto [reads, writes] = make_pipe();
  const auto writer = write_to(std::move(writes));
  const std::string content = pattern(1'000'000);
  const ScratchFile file(content);
  const auto sending = send(writer, file);
  turns(5);
  EXPECT_THROW(writer->transport->write("x"), InvalidStateError);
  EXPECT_THROW(writer->transport->write_eof(), InvalidStateError);
  EXPECT_FALSE(writer->transport->is_closing());
  EXPECT_EQ(drain(reads, content.size()), content);
  EXPECT_EQ(outcome_of(sending), "1000000");
}

TEST_F(SendfileOverPipes, N1_what_only_reads_is_refused) {
  auto [reads, writes] = make_pipe();
  const auto reader = read_from(std::move(reads));
  const ScratchFile file(pattern(10));
  EXPECT_EQ(outcome_of(send(reader, file)), "sendfile() on a transport that only reads");
}

TEST_F(SendfileOverPipes, N1_a_device_that_never_is_full_takes_a_large_file) {
  OwnedFileDescriptor device(FileDescriptor{::open("/dev/null", O_WRONLY | O_CLOEXEC)});
  const auto writer = write_to(std::move(device));
  ScratchFile file;
  file.set_size(5'000'000);
  EXPECT_EQ(outcome_of(send(writer, file)), "5000000");
  EXPECT_EQ(file.position(), 5'000'000);
}

TEST_F(SendfileOverPipes, N1_a_file_goes_to_a_terminal) {
  Terminal sides;
  const auto writer = write_to(std::move(sides.terminal));
  ASSERT_EQ(::fcntl(sides.screen.get().number, F_SETFL, O_NONBLOCK), 0);
  const std::string content = pattern(100'000);
  const ScratchFile file(content);
  const auto sending = send(writer, file);
  EXPECT_EQ(drain(sides.screen, content.size()), content);
  EXPECT_EQ(outcome_of(sending), "100000");
}

}  // namespace
}  // namespace tidegate::pipe_rig
