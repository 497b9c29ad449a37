// The reading side of pipes: P2, and L, R as far as they are about one direction.
#include "contract/pipe_rig.hpp"

#include <array>
#include <stdexcept>

namespace tidegate::pipe_rig {
namespace {

using ::testing::ElementsAre;

class PipeReading : public PipeTest {};

TEST_F(PipeReading, P2_data_then_the_end_then_connection_lost) {
  auto [reads, writes] = make_pipe();
  const auto reader = read_from(std::move(reads));
  EXPECT_TRUE(reader->transport->is_reading());
  raw_write(writes, "abc");
  ASSERT_TRUE(run_until([&] { return reader->received == "abc"; }));
  writes.reset();
  ASSERT_TRUE(run_until([&] { return reader->lost; }));
  EXPECT_THAT(reader->calls, ElementsAre("made", "eof", "lost"));
  EXPECT_FALSE(reader->lost_reason);
}

TEST_F(PipeReading, P2_what_was_written_before_the_end_comes_before_it) {
  auto [reads, writes] = make_pipe();
  raw_write(writes, pattern(40'000));
  writes.reset();
  const auto reader = read_from(std::move(reads));
  ASSERT_TRUE(run_until([&] { return reader->lost; }));
  EXPECT_EQ(reader->received, pattern(40'000));
  EXPECT_THAT(reader->calls, ElementsAre("made", "eof", "lost"));
}

TEST_F(PipeReading, P2_the_end_closes_whatever_eof_received_returns) {
  auto [reads, writes] = make_pipe();
  auto protocol = std::make_shared<PipeRecorder>();
  protocol->keep_open_after_eof = true;
  const auto reader = read_from(std::move(reads), protocol);
  writes.reset();
  ASSERT_TRUE(run_until([&] { return reader->lost; }));
  EXPECT_FALSE(reader->lost_reason);
}

TEST_F(PipeReading, R1_megabytes_come_whole_and_in_order) {
  auto [reads, writes] = make_pipe();
  const auto reader = read_from(std::move(reads));
  const std::string sent = pattern(5'000'000);
  std::size_t at = 0;
  ASSERT_TRUE(run_until([&] {
    const ssize_t count = ::write(writes.get().number, sent.data() + at, sent.size() - at);
    if (count > 0) at += static_cast<std::size_t>(count);
    return reader->received.size() == sent.size();
  }));
  EXPECT_TRUE(reader->received == sent);
}

TEST_F(PipeReading, R2_nothing_comes_while_paused_not_even_the_end) {
  auto [reads, writes] = make_pipe();
  auto protocol = std::make_shared<PipeRecorder>();
  protocol->on_made = [](loop_rig::Recorder& made) { made.transport->pause_reading(); };
  const auto reader = read_from(std::move(reads), protocol);
  EXPECT_FALSE(reader->transport->is_reading());
  raw_write(writes, "late");
  writes.reset();
  turns(20);
  EXPECT_EQ(reader->received, "");
  EXPECT_THAT(reader->calls, ElementsAre("made"));
  reader->transport->resume_reading();
  ASSERT_TRUE(run_until([&] { return reader->lost; }));
  EXPECT_EQ(reader->received, "late");
  EXPECT_THAT(reader->calls, ElementsAre("made", "eof", "lost"));
}

TEST_F(PipeReading, R2_pausing_between_two_pieces_keeps_what_is_left) {
  auto [reads, writes] = make_pipe();
  auto protocol = std::make_shared<PipeRecorder>();
  protocol->on_data = [](loop_rig::Recorder& told) { told.transport->pause_reading(); };
  const auto reader = read_from(std::move(reads), protocol);
  std::string expected;
  for (int round = 0; round < 20; ++round) {
    raw_write(writes, std::to_string(round));
    expected += std::to_string(round);
    ASSERT_TRUE(run_until([&] { return reader->received == expected; })) << round;
    raw_write(writes, "+");
    turns(3);
    EXPECT_EQ(reader->received, expected);
    expected += '+';
    reader->transport->resume_reading();
    ASSERT_TRUE(run_until([&] { return reader->received == expected; })) << round;
    reader->transport->resume_reading();
  }
}

TEST_F(PipeReading, R4_a_buffered_protocol_receives_into_its_own_memory) {
  class Filled : public BufferedProtocol {
   public:
    MutableBytesView get_buffer(std::ptrdiff_t) override { return memory; }
    void buffer_updated(std::size_t size) override { received.append(memory.data(), size); }
    void connection_lost(const Error&) override { lost = true; }
    std::array<char, 1000> memory{};
    std::string received;
    bool lost = false;
  };
  auto [reads, writes] = make_pipe();
  const auto protocol = std::make_shared<Filled>();
  const auto factory = [&] { return protocol; };
  static_cast<void>(run(loop().connect_read_pipe(factory, std::move(reads))));
  raw_write(writes, pattern(30'000));
  writes.reset();
  ASSERT_TRUE(run_until([&] { return protocol->lost; }));
  EXPECT_EQ(protocol->received, pattern(30'000));
}

TEST_F(PipeReading, L4_close_ends_it_soon_and_nothing_comes_any_more) {
  auto [reads, writes] = make_pipe();
  const auto reader = read_from(std::move(reads));
  raw_write(writes, "unread");
  reader->transport->close();
  EXPECT_FALSE(reader->lost) << "never from inside the call";
  EXPECT_TRUE(reader->transport->is_closing());
  ASSERT_TRUE(run_until([&] { return reader->lost; }));
  EXPECT_EQ(reader->received, "");
  EXPECT_THAT(reader->calls, ElementsAre("made", "lost"));
}

TEST_F(PipeReading, L7_what_data_received_throws_ends_it_with_that_as_the_reason) {
  auto [reads, writes] = make_pipe();
  auto protocol = std::make_shared<PipeRecorder>();
  protocol->on_data = [](loop_rig::Recorder&) { throw std::runtime_error("enough"); };
  const auto reader = read_from(std::move(reads), protocol);
  raw_write(writes, "x");
  ASSERT_TRUE(run_until([&] { return reader->lost; }));
  EXPECT_EQ(describe(reader->lost_reason.exception()), "enough");
  EXPECT_EQ(take_reports().size(), 1U);
}

TEST_F(PipeReading, there_is_no_way_to_write) {
  auto [reads, writes] = make_pipe();
  auto protocol = std::make_shared<PipeRecorder>();
  const auto reader = read_from(std::move(reads), protocol);
  Transport& transport = *reader->transport;
  EXPECT_FALSE(transport.can_write_eof());
  EXPECT_THROW(transport.write("x"), NotSupportedError);
  EXPECT_THROW(transport.write(Chunk(std::string("x"))), NotSupportedError);
  EXPECT_THROW(transport.write_eof(), NotSupportedError);
  // An answer made of what is being delivered takes a way of its own elsewhere.
  bool refused = false;
  class Answering : public Protocol {
   public:
    Answering(TransportRef transport, bool& refused) : transport_(std::move(transport)), refused_(refused) {}
    void data_received(BytesView data) override {
      try {
        transport_->write(data);
      } catch (const NotSupportedError&) {
        refused_ = true;
      }
    }
    void connection_lost(const Error&) override { transport_.reset(); }

   private:
    TransportRef transport_;
    bool& refused_;
  };
  transport.set_protocol(std::make_shared<Answering>(reader->transport, refused));
  raw_write(writes, "question");
  ASSERT_TRUE(run_until([&] { return refused; }));
}

TEST_F(PipeReading, E5_a_writer_that_never_stops_does_not_starve_the_timers) {
  auto [reads, writes] = make_pipe();
  const auto reader = read_from(std::move(reads));
  const std::string much = pattern(65'536);
  int ticks = 0;
  reader->on_data = [&](loop_rig::Recorder& told) {
    told.received.clear();
    static_cast<void>(!::write(writes.get().number, much.data(), much.size()));
  };
  raw_write(writes, "x");
  TimerHandle next;
  std::function<void()> tick = [&] {
    ++ticks;
    next = loop().call_later(std::chrono::milliseconds(1), [&] { tick(); });
  };
  tick();
  EXPECT_TRUE(run_until([&] { return ticks > 20; }));
  next.cancel();
  reader->on_data = nullptr;
  reader->transport->abort();
  ASSERT_TRUE(run_until([&] { return reader->lost; }));
}

}  // namespace
}  // namespace tidegate::pipe_rig
