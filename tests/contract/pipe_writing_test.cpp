// The writing side of pipes: P3, P4, and W, F as far as they are about one direction.
#include "contract/pipe_rig.hpp"

#include <array>
#include <csignal>
#include <ctime>
#include <stdexcept>

namespace tidegate::pipe_rig {
namespace {

using ::testing::ElementsAre;

class PipeWriting : public PipeTest {};

TEST_F(PipeWriting, W1_megabytes_arrive_whole_and_in_order) {
  auto [reads, writes] = make_pipe();
  const auto writer = write_to(std::move(writes));
  const std::string sent = pattern(3'000'000);
  for (std::size_t at = 0; at < sent.size(); at += 100'000)
    writer->transport->write(std::string_view(sent).substr(at, 100'000));
  writer->transport->close();
  const std::string arrived = drain(reads, sent.size() + 1);
  EXPECT_TRUE(arrived == sent);
  EXPECT_TRUE(writer->lost);
  EXPECT_FALSE(writer->lost_reason);
}

TEST_F(PipeWriting, W4_writelines_and_chunks_keep_their_order) {
  auto [reads, writes] = make_pipe();
  const auto writer = write_to(std::move(writes));
  std::string expected;
  std::vector<std::string> texts;
  for (int count = 0; count < 300; ++count) texts.push_back(std::to_string(count) + ";");
  std::vector<BytesView> pieces(texts.begin(), texts.end());
  for (const std::string& text : texts) expected += text;
  writer->transport->writelines(pieces);
  writer->transport->write(Chunk(std::string("chunk")));
  writer->transport->write("last");
  EXPECT_EQ(drain(reads, expected.size() + 9), expected + "chunklast");
}

TEST_F(PipeWriting, P3_with_nothing_buffered_the_reader_who_goes_is_noticed_as_an_ordinary_end) {
  auto [reads, writes] = make_pipe();
  const auto writer = write_to(std::move(writes));
  writer->transport->write("some");
  turns(3);
  EXPECT_FALSE(writer->lost);
  reads.reset();
  ASSERT_TRUE(run_until([&] { return writer->lost; }));
  EXPECT_THAT(writer->calls, ElementsAre("made", "lost"));
  EXPECT_FALSE(writer->lost_reason) << writer->lost_reason.message();
}

TEST_F(PipeWriting, P3_with_bytes_buffered_it_is_a_broken_pipe) {
  Full full = fill(10'000);
  full.reader.reset();
  ASSERT_TRUE(run_until([&] { return full.protocol->lost; }));
  EXPECT_EQ(full.protocol->lost_reason.code(), std::errc::broken_pipe);
}

TEST_F(PipeWriting, P3_a_write_that_finds_the_reader_gone_is_a_broken_pipe_and_no_signal) {
  for (const bool in_loop : {false, true}) {
    auto [reads, writes] = make_pipe();
    const auto writer = write_to(std::move(writes));
    reads.reset();
    if (in_loop) {
      loop().call_soon([&] { writer->transport->write("x"); });  // before the kernel's report is looked at
    } else {
      writer->transport->write("x");
    }
    ASSERT_TRUE(run_until([&] { return writer->lost; }));
    EXPECT_EQ(writer->lost_reason.code(), std::errc::broken_pipe);
  }
  sigset_t pending;
  ::sigpending(&pending);
  EXPECT_EQ(sigismember(&pending, SIGPIPE), 0);
}

TEST_F(PipeWriting, P3_a_reader_that_goes_while_closing_is_a_broken_pipe) {
  Full full = fill(10'000);
  full.protocol->transport->close();
  turns(3);
  EXPECT_FALSE(full.protocol->lost) << "it still has something to flush";
  full.reader.reset();
  ASSERT_TRUE(run_until([&] { return full.protocol->lost; }));
  EXPECT_EQ(full.protocol->lost_reason.code(), std::errc::broken_pipe);
}

TEST_F(PipeWriting, P3_the_reader_of_a_socket_is_noticed_too) {
  auto [here, there] = Socket::pair();
  const auto writer = write_to(here.release());
  there.close();
  ASSERT_TRUE(run_until([&] { return writer->lost; }));
  EXPECT_FALSE(writer->lost_reason);
}

TEST_F(PipeWriting, P3_input_does_not_end_the_writing_side_of_a_socket) {
  auto [here, there] = Socket::pair();
  const auto writer = write_to(here.release());
  ASSERT_EQ(::send(there.descriptor().number, "noise", 5, MSG_NOSIGNAL), 5);
  turns(20);
  EXPECT_FALSE(writer->lost);
}

TEST_F(PipeWriting, P3_the_peer_of_a_socket_that_has_finished_sending_still_reads) {
  auto [here, there] = Socket::pair();
  const auto writer = write_to(here.release());
  ASSERT_EQ(::shutdown(there.descriptor().number, SHUT_WR), 0);
  turns(20);
  EXPECT_FALSE(writer->lost);
  writer->transport->write("still");
  turns(3);
  std::array<char, 10> arrived{};
  EXPECT_EQ(::recv(there.descriptor().number, arrived.data(), arrived.size(), MSG_DONTWAIT), 5);
  EXPECT_STREQ(arrived.data(), "still");
}

TEST_F(PipeWriting, P3_write_eof_is_close) {
  Full full = fill(10'000);
  Transport& transport = *full.protocol->transport;
  EXPECT_TRUE(transport.can_write_eof());
  transport.write_eof();
  EXPECT_TRUE(transport.is_closing());
  transport.write_eof();
  EXPECT_EQ(drain(full.reader, full.written + 1), pattern(full.written));
  ASSERT_TRUE(run_until([&] { return full.protocol->lost; }));
  EXPECT_FALSE(full.protocol->lost_reason);
}

TEST_F(PipeWriting, W3_what_is_written_after_close_is_ignored) {
  Full full = fill(10'000);
  full.protocol->transport->close();
  full.protocol->transport->write("too late");
  EXPECT_EQ(drain(full.reader, full.written + 1), pattern(full.written));
  ASSERT_TRUE(run_until([&] { return full.protocol->lost; }));
}

TEST_F(PipeWriting, L5_abort_drops_what_is_buffered) {
  Full full = fill(10'000);
  full.protocol->transport->close();
  full.protocol->transport->abort();
  ASSERT_TRUE(run_until([&] { return full.protocol->lost; }));
  EXPECT_FALSE(full.protocol->lost_reason);
  EXPECT_EQ(drain(full.reader, full.written).size(), full.written - 10'000);
}

TEST_F(PipeWriting, P4_F1_pausing_over_high_and_resuming_at_low) {
  auto [reads, writes] = make_pipe();
  const auto writer = write_to(std::move(writes));
  Transport& transport = *writer->transport;
  transport.set_write_buffer_limits({.high = 100'000, .low = 20'000});
  EXPECT_EQ(transport.get_write_buffer_limits(), (WriteBufferLimits{20'000, 100'000}));
  std::size_t size_at_resume = 0;
  writer->on_resume = [&](PipeRecorder& told) { size_at_resume = told.transport->get_write_buffer_size(); };
  while (transport.get_write_buffer_size() <= 100'000) {
    EXPECT_THAT(writer->calls, ElementsAre("made"));
    transport.write(pattern(10'000));
  }
  EXPECT_THAT(writer->calls, ElementsAre("made", "pause"));
  ASSERT_TRUE(run_until([&] {
    std::array<char, 4'096> little{};  // less than low at a time
    static_cast<void>(!::read(reads.get().number, little.data(), little.size()));
    return writer->calls.size() == 3;
  }));
  EXPECT_EQ(writer->calls.back(), "resume");
  EXPECT_LE(size_at_resume, 20'000U);
  EXPECT_GT(size_at_resume, 0U) << "at low, not when empty";
}

TEST_F(PipeWriting, F3_marks_that_make_no_sense_change_nothing) {
  auto [reads, writes] = make_pipe();
  const auto writer = write_to(std::move(writes));
  EXPECT_THROW(writer->transport->set_write_buffer_limits({.high = 1, .low = 2}), std::invalid_argument);
  EXPECT_EQ(writer->transport->get_write_buffer_limits(), (WriteBufferLimits{16'384, 65'536}));
}

TEST_F(PipeWriting, F4_with_high_at_zero_what_the_kernel_takes_pauses_nobody) {
  auto [reads, writes] = make_pipe();
  const auto writer = write_to(std::move(writes));
  writer->transport->set_write_buffer_limits({.high = 0});
  writer->transport->write("small");
  EXPECT_THAT(writer->calls, ElementsAre("made"));
  writer->transport->write(pattern(500'000));
  EXPECT_THAT(writer->calls, ElementsAre("made", "pause"));
}

TEST_F(PipeWriting, there_is_no_way_to_read) {
  auto [reads, writes] = make_pipe();
  const auto writer = write_to(std::move(writes));
  EXPECT_FALSE(writer->transport->is_reading());
  EXPECT_THROW(writer->transport->pause_reading(), NotSupportedError);
  EXPECT_THROW(writer->transport->resume_reading(), NotSupportedError);
}

TEST_F(PipeWriting, waiting_for_the_reader_to_go_costs_nothing) {
  Full full = fill(10'000);
  const std::clock_t before = std::clock();
  static_cast<void>(run_until([] { return false; }, std::chrono::milliseconds(200)));
  const double seconds = static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC;
  EXPECT_LT(seconds, 0.15) << "it spins";
}

}  // namespace
}  // namespace tidegate::pipe_rig
