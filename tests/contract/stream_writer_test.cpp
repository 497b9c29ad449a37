// What a StreamWriter does: waiting for the peer, both ends of a stream, and what it says when they have
// gone.
#include "contract/streams_rig.hpp"

#include <array>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <sys/socket.h>

namespace tidegate::streams_rig {
namespace {

class StreamWriters : public StreamsOverEach {};
INSTANTIATE_TEST_SUITE_P(Over, StreamWriters, ::testing::ValuesIn(carriers()), name_of);

class StreamEnds : public StreamsTest {};

/// More than both ends of a connection hold while nobody reads.
constexpr std::size_t kTooMuch = std::size_t{12} * 1024 * 1024;

/// Everything, until the end.
Task<std::size_t> count_to_end(StreamReader reader) {
  std::size_t count = 0;
  while (true) {
    const BytesView data = co_await reader.read_view();
    if (data.empty()) break;
    count += data.size();
  }
  co_return count;
}

// --- drain -------------------------------------------------------------------------------------------------

TEST_P(StreamWriters, drain_is_done_at_once_where_nothing_is_paused) {
  const auto talk = [&]() -> Task<> {
    const Ends ends = co_await connect();
    ends.near.writer.write("little");
    EXPECT_TRUE(ends.near.writer.drain().done());
    co_await gives(ends.far.reader.readexactly(6), "little");
  };
  run(talk());
}

TEST_P(StreamWriters, any_number_of_tasks_drain_and_one_that_is_cancelled_leaves_the_others_waiting) {
  const auto talk = [&]() -> Task<> {
    const Ends ends = co_await connect();
    ends.near.writer.write(Chunk(std::string(kTooMuch, 'x')));
    const Future<> first = ends.near.writer.drain();
    const Future<> second = ends.near.writer.drain();
    const Future<> third = ends.near.writer.drain();
    co_await pause();
    EXPECT_FALSE(first.done());
    second.cancel();
    co_await pause();
    EXPECT_FALSE(first.done());
    EXPECT_FALSE(third.done());
    const auto counting = loop().create_task(count_to_end(ends.far.reader));
    co_await first;
    co_await third;
    EXPECT_LE(ends.near.writer.transport()->get_write_buffer_size(),
              ends.near.writer.transport()->get_write_buffer_limits().low);
    ends.near.writer.close();
    const std::size_t count = co_await counting;
    EXPECT_EQ(count, kTooMuch);
  };
  run(talk());
}

TEST_P(StreamWriters, drain_after_the_end_is_connection_lost) {
  const auto talk = [&]() -> Task<> {
    const Ends ends = co_await connect();
    ends.near.writer.close();
    EXPECT_TRUE(ends.near.writer.is_closing());
    co_await ends.near.writer.wait_closed();
    const Future<> drained = ends.near.writer.drain();
    std::error_code code;
    std::string text;
    try {
      co_await drained;
    } catch (const OsError& error) {
      code = error.code();
      text = error.what();
    }
    EXPECT_EQ(code, std::errc::connection_reset);
    EXPECT_THAT(text, ::testing::StartsWith("Connection lost"));
    co_await ends.near.writer.wait_closed();  // and again
  };
  run(talk());
}

TEST_P(StreamWriters, writing_and_draining_in_a_loop_notices_that_the_stream_was_closed) {
  const auto talk = [&]() -> Task<> {
    const Ends ends = co_await connect();
    ends.near.writer.close();
    int rounds = 0;
    bool lost = false;
    try {
      // Without letting the loop come round in `drain`, this would never end.
      for (; rounds < 10'000; ++rounds) {
        ends.near.writer.write("x");
        co_await ends.near.writer.drain();
      }
    } catch (const OsError&) {
      lost = true;
    }
    EXPECT_TRUE(lost);
  };
  run(talk());
}

TEST_P(StreamWriters, a_drain_that_waits_is_released_by_abort) {
  const auto talk = [&]() -> Task<> {
    const Ends ends = co_await connect();
    ends.near.writer.write(Chunk(std::string(kTooMuch, 'x')));
    const Future<> drained = ends.near.writer.drain();
    co_await pause();
    EXPECT_FALSE(drained.done());
    ends.near.writer.transport()->abort();
    co_await drained;
  };
  run(talk());
}

// --- what is written ---------------------------------------------------------------------------------------

TEST_P(StreamWriters, writelines_is_one_write_of_everything) {
  const auto talk = [&]() -> Task<> {
    const Ends ends = co_await connect();
    const std::array<BytesView, 3> pieces = {"a", "", "bc"};
    ends.near.writer.writelines(pieces);
    std::vector<Chunk> chunks;
    chunks.emplace_back(std::string("def"));
    ends.near.writer.writelines(std::move(chunks));
    ends.near.writer.close();
    co_await gives(ends.far.reader.read(), "abcdef");
  };
  run(talk());
}

TEST_P(StreamWriters, after_write_eof_the_other_way_stays_open_where_it_can) {
  const auto talk = [&]() -> Task<> {
    const Ends ends = co_await connect();
    EXPECT_EQ(ends.near.writer.can_write_eof(), GetParam() != Carrier::tls);
    if (!ends.near.writer.can_write_eof()) {
      EXPECT_THROW(ends.near.writer.write_eof(), NotSupportedError);
      co_return;
    }
    ends.near.writer.write("question");
    ends.near.writer.write_eof();
    co_await gives(ends.far.reader.read(), "question");
    EXPECT_FALSE(ends.far.writer.is_closing());
    ends.far.writer.write("answer");
    ends.far.writer.close();
    co_await gives(ends.near.reader.read(), "answer");
  };
  run(talk());
}

TEST_P(StreamWriters, extra_info_is_the_transports) {
  const auto talk = [&]() -> Task<> {
    const Ends ends = co_await connect();
    EXPECT_TRUE(ends.near.writer.get_extra_info("peername").has_value());
    EXPECT_EQ(ends.near.writer.get_extra_info("sslcontext").has_value(), GetParam() == Carrier::tls);
  };
  run(talk());
}

// --- who holds a stream ------------------------------------------------------------------------------------

TEST_P(StreamWriters, a_stream_is_closed_when_the_last_handle_of_it_goes_and_what_was_written_is_sent) {
  const auto talk = [&]() -> Task<> {
    Ends ends = co_await connect();
    ends.near.writer.write("last words");
    ends.near.writer = {};
    co_await pause();
    EXPECT_FALSE(ends.far.reader.at_eof());
    const auto reading = loop().create_task(ends.near.reader.read(10));
    ends.near.reader = {};
    co_await pause();
    EXPECT_FALSE(reading.done()) << "a read that waits holds the stream";
    ends.far.writer.write("heard");
    const std::string heard = co_await reading;
    EXPECT_EQ(heard, "heard");
    co_await gives(ends.far.reader.read(), "last words");
  };
  run(talk());
}

TEST_P(StreamWriters, a_loop_that_closes_over_a_stream_that_a_task_holds_says_so_and_lets_go_of_it) {
  const auto wait = [](StreamPair stream) -> Task<> { static_cast<void>(co_await stream.reader.read(1)); };
  const auto talk = [&]() -> Task<> {
    const Ends ends = co_await connect();
    static_cast<void>(loop().create_task(wait(ends.near)));
    static_cast<void>(loop().create_task(wait(ends.far)));
    co_await pause();
  };
  loop().run_until_complete(talk());
  forget_ends();
  end_loop();
  std::vector<std::string> reports;
  for (const loop_rig::Report& report : take_reports()) reports.push_back(report.message);
  EXPECT_THAT(reports, ::testing::Contains("Task was destroyed but it is pending!").Times(2));
  EXPECT_THAT(reports, ::testing::Contains("unclosed transport"));
}

TEST_F(StreamEnds, a_reset_is_what_every_read_and_drain_throws_also_with_bytes_left) {
  const auto talk = [&]() -> Task<> {
    const Ends ends = co_await connect_over(Carrier::tcp);
    ends.far.writer.write("unread");
    static_cast<void>(co_await ends.near.reader.readexactly_view(2));
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    const int socket = ends.far.writer.transport()->socket().descriptor().number;
    EXPECT_EQ(::setsockopt(socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
    ends.far.writer.transport()->abort();
    const std::string reading = co_await thrown_by(ends.near.reader.readexactly(100));
    EXPECT_THAT(reading, ::testing::HasSubstr("Connection reset by peer"));
    const std::string again = co_await thrown_by(ends.near.reader.read(1));
    EXPECT_EQ(again, reading);
    EXPECT_NE(ends.near.reader.exception(), nullptr);
    EXPECT_EQ(describe(ends.near.writer.drain().exception()), reading);
    EXPECT_EQ(describe(ends.near.writer.wait_closed().exception()), reading);
  };
  run(talk());
}

}  // namespace
}  // namespace tidegate::streams_rig
