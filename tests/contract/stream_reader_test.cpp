// What a StreamReader gives, and when: over TCP, Unix sockets and TLS.
#include "contract/streams_rig.hpp"

#include <array>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

namespace tidegate::streams_rig {
namespace {

using namespace std::chrono_literals;

class StreamReaders : public StreamsOverEach {};
INSTANTIATE_TEST_SUITE_P(Over, StreamReaders, ::testing::ValuesIn(carriers()), name_of);

// --- what comes --------------------------------------------------------------------------------------------

TEST_P(StreamReaders, read_gives_what_there_is_and_no_more_than_was_asked_for) {
  const auto talk = [&]() -> Task<> {
    const Ends ends = co_await connect();
    ends.far.writer.write("hello");
    co_await gives(ends.near.reader.read(1), "h");
    co_await gives(ends.near.reader.read(100), "ello");
    co_await gives(ends.near.reader.read(0), "");
    EXPECT_FALSE(ends.near.reader.at_eof());
    ends.far.writer.close();
    co_await gives(ends.near.reader.read(100), "");
    EXPECT_TRUE(ends.near.reader.at_eof());
    EXPECT_EQ(ends.near.reader.exception(), nullptr);
  };
  run(talk());
}

TEST_P(StreamReaders, read_without_a_number_gives_everything_to_the_end) {
  const auto talk = [&]() -> Task<> {
    const Ends ends = co_await connect(1000);
    const std::string sent = pattern(3'000'000);
    ends.far.writer.write(sent);
    ends.far.writer.close();
    const std::string received = co_await ends.near.reader.read();
    EXPECT_TRUE(received == sent) << received.size();
    EXPECT_TRUE(ends.near.reader.at_eof());
    co_await gives(ends.near.reader.read(), "");
  };
  run(talk());
}

TEST_P(StreamReaders, readexactly_waits_for_all_of_it_also_beyond_the_limit) {
  const auto talk = [&]() -> Task<> {
    const Ends ends = co_await connect(100);
    const std::string sent = pattern(200'000);
    ends.far.writer.write(sent);
    co_await gives(ends.near.reader.readexactly(0), "");
    const std::string received = co_await ends.near.reader.readexactly(150'000);
    EXPECT_TRUE(received == sent.substr(0, 150'000));
    const std::string rest = co_await ends.near.reader.readexactly(50'000);
    EXPECT_TRUE(rest == sent.substr(150'000));
  };
  run(talk());
}

TEST_P(StreamReaders, readexactly_at_the_end_gives_what_there_was_in_the_error) {
  const auto talk = [&]() -> Task<> {
    const Ends ends = co_await connect();
    ends.far.writer.write("abc");
    ends.far.writer.close();
    bool thrown = false;
    try {
      static_cast<void>(co_await ends.near.reader.readexactly(5));
    } catch (const IncompleteReadError& error) {
      thrown = true;
      EXPECT_EQ(error.partial(), "abc");
      EXPECT_EQ(error.expected(), 5U);
      EXPECT_STREQ(error.what(), "3 bytes read on a total of 5 expected bytes");
    }
    EXPECT_TRUE(thrown);
    EXPECT_TRUE(ends.near.reader.at_eof()) << "what the error gave is not given again";
  };
  run(talk());
}

// --- separators --------------------------------------------------------------------------------------------

TEST_P(StreamReaders, readuntil_finds_a_separator_that_comes_byte_by_byte) {
  const auto talk = [&]() -> Task<> {
    const Ends ends = co_await connect();
    const auto sending = loop().create_task(trickle(ends.far.writer, "a\r\r\n\rb\r\n\r\nrest"));
    co_await gives(ends.near.reader.readuntil("\r\n\r\n"), "a\r\r\n\rb\r\n\r\n");
    co_await gives(ends.near.reader.readexactly(4), "rest");
    co_await sending;
  };
  run(talk());
}

TEST_P(StreamReaders, of_several_separators_the_one_that_ends_first_counts) {
  const auto talk = [&]() -> Task<> {
    const Ends ends = co_await connect();
    const std::array<BytesView, 3> separators = {"long end", "ng", "\n"};
    const auto sending = loop().create_task(trickle(ends.far.writer, "a long end\nb\n"));
    co_await gives(ends.near.reader.readuntil(separators), "a long");
    co_await gives(ends.near.reader.readuntil(separators), " end\n");
    const BytesView last = co_await ends.near.reader.readuntil_view(separators);
    EXPECT_EQ(last, "b\n");
    co_await sending;
  };
  run(talk());
}

TEST_P(StreamReaders, readuntil_at_the_end_gives_what_there_was_in_the_error) {
  const auto talk = [&]() -> Task<> {
    const Ends ends = co_await connect();
    ends.far.writer.write("no end");
    ends.far.writer.close();
    std::optional<IncompleteReadError> thrown;
    try {
      static_cast<void>(co_await ends.near.reader.readuntil(";"));
    } catch (const IncompleteReadError& error) {
      thrown = error;
    }
    EXPECT_TRUE(thrown);
    if (!thrown) co_return;
    EXPECT_EQ(thrown->partial(), "no end");
    EXPECT_EQ(thrown->expected(), std::nullopt);
    EXPECT_STREQ(thrown->what(), "6 bytes read on a total of undefined expected bytes");
  };
  run(talk());
}

TEST_P(StreamReaders, no_separator_within_the_limit_is_an_error_that_takes_nothing) {
  const auto talk = [&]() -> Task<> {
    const Ends ends = co_await connect(8);
    ends.far.writer.write("123456789ab;");
    std::size_t consumed = 0;
    try {
      static_cast<void>(co_await ends.near.reader.readuntil(";"));
    } catch (const LimitOverrunError& error) {
      consumed = error.consumed();
    }
    EXPECT_GT(consumed, 8U);
    co_await gives(ends.near.reader.readexactly(12), "123456789ab;");

    // As long as the limit is not too long: the separator does not count.
    ends.far.writer.write("12345678;");
    co_await gives(ends.near.reader.readuntil(";"), "12345678;");
  };
  run(talk());
}

TEST_P(StreamReaders, separators_that_are_none_are_refused) {
  const auto talk = [&]() -> Task<> {
    const Ends ends = co_await connect();
    bool refused = false;
    try {
      static_cast<void>(co_await ends.near.reader.readuntil(""));
    } catch (const std::invalid_argument&) {
      refused = true;
    }
    EXPECT_TRUE(refused);
    const std::array<BytesView, 2> separators = {"a", ""};
    refused = false;
    try {
      static_cast<void>(co_await ends.near.reader.readuntil(separators));
    } catch (const std::invalid_argument&) {
      refused = true;
    }
    EXPECT_TRUE(refused);
  };
  run(talk());
}

TEST_P(StreamReaders, readline_gives_lines_and_a_last_one_without_its_end) {
  const auto talk = [&]() -> Task<> {
    const Ends ends = co_await connect();
    ends.far.writer.write("one\n\nthree");
    ends.far.writer.close();
    co_await gives(ends.near.reader.readline(), "one\n");
    co_await gives(ends.near.reader.readline(), "\n");
    co_await gives(ends.near.reader.readline(), "three");
    co_await gives(ends.near.reader.readline(), "");
  };
  run(talk());
}

TEST_P(StreamReaders, a_line_over_the_limit_is_dropped_and_the_next_one_can_be_read) {
  const auto talk = [&]() -> Task<> {
    const Ends ends = co_await connect(8);
    ends.far.writer.write("123456789\n");
    const std::string first = co_await thrown_by(ends.near.reader.readline());
    EXPECT_THAT(first, ::testing::HasSubstr("Separator is"));
    ends.far.writer.write("short\n");
    // Whether the end of the long one had arrived when it was found to be too long is the network's affair.
    std::string next = co_await ends.near.reader.readline();
    if (next != "short\n") next = co_await ends.near.reader.readline();
    EXPECT_EQ(next, "short\n");
  };
  run(talk());
}

// --- views -------------------------------------------------------------------------------------------------

TEST_P(StreamReaders, a_view_stays_as_it_is_whatever_arrives_meanwhile) {
  const auto talk = [&]() -> Task<> {
    const Ends ends = co_await connect(20'000);
    const std::string sent = pattern(100'000);
    ends.far.writer.write(BytesView(sent).first(1000));
    const BytesView view = co_await ends.near.reader.readexactly_view(1000);
    ends.far.writer.write(BytesView(sent).drop(1000));
    // The reader takes in what it may, and is paused then.
    for (int tries = 0; tries < 10'000 && ends.near.writer.transport()->is_reading(); ++tries)
      co_await pause(1);
    EXPECT_FALSE(ends.near.writer.transport()->is_reading());
    EXPECT_TRUE(view == BytesView(sent).first(1000));
    const BytesView next = co_await ends.near.reader.readexactly_view(99'000);
    EXPECT_TRUE(next == BytesView(sent).drop(1000));
  };
  run(talk());
}

TEST_P(StreamReaders, read_into_fills_the_memory_it_is_given) {
  const auto talk = [&]() -> Task<> {
    const Ends ends = co_await connect();
    const std::string sent = pattern(1'000'000);
    ends.far.writer.write(sent);
    std::string memory(1'000'000, '-');
    const std::size_t first = co_await ends.near.reader.read_into(MutableBytesView(memory).first(10));
    EXPECT_GT(first, 0U);
    EXPECT_LE(first, 10U);
    const std::size_t rest = co_await ends.near.reader.readexactly_into(MutableBytesView(memory).drop(first));
    EXPECT_EQ(rest, memory.size() - first);
    EXPECT_TRUE(memory == sent);
    ends.far.writer.write("xyz");
    ends.far.writer.close();
    const std::string text = co_await thrown_by([](StreamReader reader) -> Task<> {
      std::array<char, 5> small{};
      co_await reader.readexactly_into(small);
    }(ends.near.reader));
    EXPECT_EQ(text, "3 bytes read on a total of 5 expected bytes");
    std::array<char, 5> small{};
    const auto last = co_await ends.near.reader.read_into(small);
    EXPECT_EQ(last, 0U);
  };
  run(talk());
}

// --- cancelling --------------------------------------------------------------------------------------------

TEST_P(StreamReaders, a_read_that_is_cancelled_takes_nothing) {
  const auto talk = [&]() -> Task<> {
    const Ends ends = co_await connect();
    const std::string sent = pattern(50'000);
    ends.far.writer.write(BytesView(sent).first(40'000));
    const auto into = [&]() -> Task<> {
      std::string memory(60'000, '-');
      co_await ends.near.reader.readexactly_into(memory);
    };
    const auto cancelled = [&](auto reading) -> Task<> {
      const auto task = loop().create_task(std::move(reading));
      co_await pause();
      EXPECT_FALSE(task.done());
      task.cancel();
      co_await pause();
      EXPECT_TRUE(task.cancelled());
    };
    co_await cancelled(ends.near.reader.readexactly(50'000));
    co_await cancelled(into());
    co_await cancelled(ends.near.reader.read());
    co_await cancelled(ends.near.reader.readuntil("\n"));
    ends.far.writer.write(BytesView(sent).drop(40'000));
    const std::string received = co_await ends.near.reader.readexactly(50'000);
    EXPECT_TRUE(received == sent);
  };
  run(talk());
}

TEST_P(StreamReaders, a_second_task_that_reads_is_refused_and_the_first_goes_on) {
  const auto talk = [&]() -> Task<> {
    const Ends ends = co_await connect();
    const auto first = loop().create_task(ends.near.reader.readexactly(3));
    co_await pause();
    bool refused = false;
    try {
      static_cast<void>(co_await ends.near.reader.read(1));
    } catch (const InvalidStateError&) {
      refused = true;
    }
    EXPECT_TRUE(refused);
    ends.far.writer.write("abc");
    const auto last = co_await first;
    EXPECT_EQ(last, "abc");
  };
  run(talk());
}

TEST_P(StreamReaders, a_deadline_around_a_read_leaves_the_stream_as_it_was) {
  const auto talk = [&]() -> Task<> {
    const Ends ends = co_await connect();
    ends.far.writer.write("par");
    const std::string text = co_await thrown_by(wait_for(ends.near.reader.readline(), 20ms));
    EXPECT_EQ(text, "timed out");
    ends.far.writer.write("tial\n");
    co_await gives(wait_for(ends.near.reader.readline(), 10s), "partial\n");
  };
  run(talk());
}

// --- memory ------------------------------------------------------------------------------------------------

TEST_P(StreamReaders, a_reader_that_is_not_read_pauses_the_transport_at_twice_its_limit) {
  const auto talk = [&]() -> Task<> {
    const Ends ends = co_await connect(1000);
    const TransportRef transport = ends.near.writer.transport();
    const std::string sent = pattern(10'000);
    ends.far.writer.write(sent);
    for (int tries = 0; tries < 10'000 && transport->is_reading(); ++tries) co_await pause(1);
    EXPECT_FALSE(transport->is_reading());
    const BytesView held = co_await ends.near.reader.read_view();
    EXPECT_EQ(held.size(), 2000U) << "no more than twice the limit is held";
    EXPECT_TRUE(transport->is_reading()) << "there is room again";
    const BytesView rest = co_await ends.near.reader.readexactly_view(8000);
    EXPECT_TRUE(rest == BytesView(sent).drop(2000));
  };
  run(talk());
}

/// Nor is more received for a separator that the limit has no room for, however much came at a time before.
TEST_P(StreamReaders, a_separator_that_is_longer_than_the_limit_is_waited_for_with_no_more_than_it_needs) {
  const auto talk = [&]() -> Task<> {
    const Ends ends = co_await connect(2);
    const std::string sent(200'000, 'x');
    ends.far.writer.write(sent);
    static_cast<void>(co_await ends.near.reader.readexactly_view(100'000));
    std::size_t consumed = 0;
    try {
      static_cast<void>(co_await ends.near.reader.readuntil_view("12345678"));
    } catch (const LimitOverrunError& error) {
      consumed = error.consumed();
    }
    EXPECT_EQ(consumed, 3U);
    const BytesView held = co_await ends.near.reader.read_view();
    EXPECT_LE(held.size(), 2U + 8U);
  };
  run(talk());
}

TEST_P(StreamReaders, a_paused_reader_is_resumed_when_no_more_than_the_limit_is_left) {
  const auto talk = [&]() -> Task<> {
    const Ends ends = co_await connect(1000);
    const TransportRef transport = ends.near.writer.transport();
    ends.far.writer.write(pattern(2000));
    for (int tries = 0; tries < 10'000 && transport->is_reading(); ++tries) co_await pause(1);
    EXPECT_FALSE(transport->is_reading());
    static_cast<void>(co_await ends.near.reader.readexactly_view(999));
    EXPECT_FALSE(transport->is_reading());
    static_cast<void>(co_await ends.near.reader.readexactly_view(1));
    EXPECT_TRUE(transport->is_reading());
  };
  run(talk());
}

// --- the end -----------------------------------------------------------------------------------------------

TEST_P(StreamReaders, closing_our_own_end_ends_a_read_that_waits) {
  const auto talk = [&]() -> Task<> {
    const Ends ends = co_await connect();
    const auto reading = loop().create_task(ends.near.reader.read(10));
    co_await pause();
    ends.near.writer.close();
    const auto last = co_await reading;
    EXPECT_EQ(last, "");
    co_await ends.near.writer.wait_closed();
  };
  run(talk());
}

}  // namespace
}  // namespace tidegate::streams_rig
