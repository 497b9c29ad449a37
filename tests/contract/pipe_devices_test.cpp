// FIFOs, terminals and other character devices: P1, P2, P3 as far as they differ from a plain pipe.
#include "contract/pipe_rig.hpp"

#include <sys/stat.h>

namespace tidegate::pipe_rig {
namespace {

using ::testing::ElementsAre;

class PipeDevices : public PipeFileTest {
 protected:
  /// The end that reads, opened while nobody has the other one.
  OwnedFileDescriptor fifo() {
    EXPECT_EQ(::mkfifo(path("fifo").c_str(), 0600), 0);
    return open(path("fifo"), O_RDONLY | O_NONBLOCK);
  }
  /// Fails where the reader has gone, instead of waiting for the next.
  OwnedFileDescriptor writer_of_fifo() { return open(path("fifo"), O_WRONLY | O_NONBLOCK); }
};

// --- FIFOs ---------------------------------------------------------------------------------------

TEST_F(PipeDevices, P2_a_fifo_that_nobody_writes_to_yet_waits) {
  const auto reader = read_from(fifo());
  turns(20);
  reader->transport->pause_reading();
  turns(3);
  reader->transport->resume_reading();
  turns(20);
  EXPECT_FALSE(reader->lost) << "a read of it says 0, which is no end yet";
  const OwnedFileDescriptor writes = writer_of_fifo();
  raw_write(writes, "news");
  ASSERT_TRUE(run_until([&] { return reader->received == "news"; }));
}

TEST_F(PipeDevices, P2_the_last_writer_of_a_fifo_that_leaves_ends_it) {
  const auto reader = read_from(fifo());
  OwnedFileDescriptor first = writer_of_fifo();
  OwnedFileDescriptor second = writer_of_fifo();
  raw_write(first, "first ");
  first.reset();
  ASSERT_TRUE(run_until([&] { return reader->received == "first "; }));
  turns(5);
  EXPECT_FALSE(reader->lost) << "there is another one";
  raw_write(second, "second");
  second.reset();
  ASSERT_TRUE(run_until([&] { return reader->lost; }));
  EXPECT_EQ(reader->received, "first second");
  EXPECT_THAT(reader->calls, ElementsAre("made", "eof", "lost"));
  EXPECT_FALSE(reader->lost_reason);
}

TEST_F(PipeDevices, P2_a_writer_that_comes_before_the_end_was_looked_at_goes_on) {
  const auto reader = read_from(fifo());
  reader->transport->pause_reading();
  OwnedFileDescriptor writes = writer_of_fifo();
  raw_write(writes, "first ");
  turns(5);
  writes.reset();
  turns(5);
  writes = writer_of_fifo();
  raw_write(writes, "second");
  reader->transport->resume_reading();
  ASSERT_TRUE(run_until([&] { return reader->received == "first second"; }));
  turns(5);
  EXPECT_FALSE(reader->lost);
  writes.reset();
  ASSERT_TRUE(run_until([&] { return reader->lost; }));
  EXPECT_EQ(reader->received, "first second");
}

TEST_F(PipeDevices, P3_the_reader_of_a_fifo_is_noticed_when_it_leaves) {
  OwnedFileDescriptor reads = fifo();
  const auto writer = write_to(writer_of_fifo());
  writer->transport->write("some");
  turns(5);
  EXPECT_EQ(raw_read_now(reads), "some");
  EXPECT_FALSE(writer->lost);
  reads.reset();
  ASSERT_TRUE(run_until([&] { return writer->lost; }));
  EXPECT_FALSE(writer->lost_reason);
}

// --- terminals -----------------------------------------------------------------------------------

TEST_F(PipeDevices, P2_a_terminal_both_ways_and_its_end_is_an_ordinary_one) {
  auto [screen, terminal] = Terminal();
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

TEST_F(PipeDevices, P2_a_terminal_that_is_hung_up_has_ended) {
  Terminal pair;
  const auto reader = read_from(pair.terminal.get());
  raw_write(pair.screen, "typed");
  ASSERT_TRUE(run_until([&] { return reader->received == "typed"; }));
  pair.screen.reset();
  ASSERT_TRUE(run_until([&] { return reader->lost; }));
  EXPECT_THAT(reader->calls, ElementsAre("made", "eof", "lost"));
  EXPECT_FALSE(reader->lost_reason) << reader->lost_reason.message();
}

TEST_F(PipeDevices, P2_a_terminal_that_is_hung_up_while_paused_ends_when_somebody_reads_again) {
  Terminal pair;
  const auto reader = read_from(pair.screen.get());
  reader->transport->pause_reading();
  raw_write(pair.terminal, "last words");
  pair.terminal.reset();
  turns(10);
  EXPECT_THAT(reader->calls, ElementsAre("made"));
  reader->transport->resume_reading();
  ASSERT_TRUE(run_until([&] { return reader->lost; }));
  EXPECT_EQ(reader->received, "last words");
  EXPECT_FALSE(reader->lost_reason) << reader->lost_reason.message();
}

TEST_F(PipeDevices, P3_a_terminal_that_is_hung_up_can_not_be_written_to_any_more) {
  for (const bool waits : {false, true}) {
    Terminal pair;
    const auto writer = write_to(pair.terminal.get());
    if (waits) writer->transport->write(pattern(1'000'000));
    turns(5);
    EXPECT_FALSE(writer->lost);
    EXPECT_EQ(writer->transport->get_write_buffer_size() > 0, waits);
    pair.screen.reset();
    ASSERT_TRUE(run_until([&] { return writer->lost; }));
    EXPECT_EQ(static_cast<bool>(writer->lost_reason), waits) << writer->lost_reason.message();
  }
}

// --- what has no readiness -----------------------------------------------------------------------

TEST_F(PipeDevices, P2_devnull_reads_as_ended) {
  const auto reader = read_from(open("/dev/null", O_RDONLY));
  ASSERT_TRUE(run_until([&] { return reader->lost; }));
  EXPECT_THAT(reader->calls, ElementsAre("made", "eof", "lost"));
  EXPECT_FALSE(reader->lost_reason) << reader->lost_reason.message();
}

TEST_F(PipeDevices, R2_devnull_does_not_end_while_paused) {
  auto protocol = std::make_shared<PipeRecorder>();
  protocol->on_made = [](loop_rig::Recorder& made) { made.transport->pause_reading(); };
  const auto reader = read_from(open("/dev/null", O_RDONLY), protocol);
  turns(10);
  EXPECT_THAT(reader->calls, ElementsAre("made"));
  reader->transport->resume_reading();
  reader->transport->pause_reading();
  turns(10);
  EXPECT_THAT(reader->calls, ElementsAre("made"));
  reader->transport->resume_reading();
  ASSERT_TRUE(run_until([&] { return reader->lost; }));
  EXPECT_THAT(reader->calls, ElementsAre("made", "eof", "lost"));
}

TEST_F(PipeDevices, E5_devzero_never_ends_and_starves_nobody) {
  const auto reader = read_from(open("/dev/zero", O_RDONLY));
  std::size_t bytes = 0;
  reader->on_data = [&](loop_rig::Recorder& told) { bytes += std::exchange(told.received, {}).size(); };
  int ticks = 0;
  std::function<void()> tick = [&] {
    ++ticks;
    loop().call_later(std::chrono::milliseconds(1), [&] { tick(); });
  };
  tick();
  ASSERT_TRUE(run_until([&] { return ticks > 20 && bytes > 10'000'000; }));
  reader->transport->pause_reading();
  const std::size_t before = bytes;
  turns(10);
  EXPECT_EQ(bytes, before);
  reader->transport->resume_reading();
  ASSERT_TRUE(run_until([&] { return bytes > before; }));
  reader->transport->close();
  const std::size_t at_close = bytes;
  ASSERT_TRUE(run_until([&] { return reader->lost; }));
  EXPECT_EQ(bytes, at_close);
  tick = [] {};
  turns(3);
}

TEST_F(PipeDevices, P1_devnull_takes_everything) {
  const auto writer = write_to(open("/dev/null", O_WRONLY));
  writer->transport->write(pattern(1'000'000));
  turns(5);
  EXPECT_EQ(writer->transport->get_write_buffer_size(), 0U);
  EXPECT_FALSE(writer->lost);
  writer->transport->close();
  ASSERT_TRUE(run_until([&] { return writer->lost; }));
  EXPECT_FALSE(writer->lost_reason);
}

TEST_F(PipeDevices, W3_what_a_device_refuses_ends_it_with_that_error) {
  const auto writer = write_to(open("/dev/full", O_WRONLY));
  writer->transport->write("too much");
  ASSERT_TRUE(run_until([&] { return writer->lost; }));
  EXPECT_EQ(writer->lost_reason.code(), std::errc::no_space_on_device);
}

}  // namespace
}  // namespace tidegate::pipe_rig
