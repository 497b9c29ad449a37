// Servers of streams: whom they call, how long what they call lives, and where its errors go.
#include "contract/streams_rig.hpp"

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace tidegate::streams_rig {
namespace {

class StreamServers : public StreamsTest {};

Task<> echo_lines(StreamReader reader, StreamWriter writer) {
  while (true) {
    const std::string line = co_await reader.readline();
    if (line.empty()) break;
    writer.write(line);
    co_await writer.drain();
  }
}

TEST_F(StreamServers, a_coroutine_function_serves_each_client_as_a_task_of_its_own) {
  const auto talk = [&]() -> Task<> {
    auto starting = start_server(echo_lines, "127.0.0.1", 0);
    Server server = co_await std::move(starting);
    const Port port = server.endpoints().front().port();
    auto first_call = open_connection("127.0.0.1", port);
    const StreamPair first = co_await std::move(first_call);
    auto second_call = open_connection("127.0.0.1", port);
    const StreamPair second = co_await std::move(second_call);
    first.writer.write("one\n");
    second.writer.write("two\n");
    co_await gives(second.reader.readline(), "two\n");
    co_await gives(first.reader.readline(), "one\n");
    first.writer.write_eof();
    co_await gives(first.reader.read(), "");
    second.writer.write_eof();
    co_await gives(second.reader.read(), "");
    server.close();
    co_await server.wait_closed();
  };
  run(talk());
}

TEST_F(StreamServers, what_a_client_coroutine_throws_is_reported_and_ends_its_connection) {
  const auto fail = [](StreamReader reader, StreamWriter) -> Task<> {
    static_cast<void>(co_await reader.readline());
    throw std::runtime_error("no luck");
  };
  const auto talk = [&]() -> Task<> {
    auto starting = start_server(fail, "127.0.0.1", 0);
    Server server = co_await std::move(starting);
    auto connecting = open_connection("127.0.0.1", server.endpoints().front().port());
    const StreamPair stream = co_await std::move(connecting);
    stream.writer.write("go\n");
    co_await gives(stream.reader.read(), "");
    server.close();
    co_await server.wait_closed();
  };
  run(talk());
  const auto reports = take_reports();
  ASSERT_EQ(reports.size(), 1U);
  EXPECT_EQ(reports[0].text(), "Unhandled exception in client_connected_cb: no luck");
  EXPECT_TRUE(reports[0].names_transport);
}

TEST_F(StreamServers, what_a_coroutine_captures_lives_as_long_as_it_also_without_its_server) {
  const auto talk = [&]() -> Task<> {
    auto state = std::make_shared<std::string>("still here\n");
    const std::weak_ptr<std::string> watched = state;
    StreamPair stream;
    {
      auto serve = [state](StreamReader reader, StreamWriter writer) -> Task<> {
        static_cast<void>(co_await reader.readline());
        writer.write(*state);
      };
      auto starting = start_server(serve, "127.0.0.1", 0);
      Server server = co_await std::move(starting);
      auto connecting = open_connection("127.0.0.1", server.endpoints().front().port());
      stream = co_await std::move(connecting);
      stream.writer.write("x");
      co_await pause();  // the coroutine runs
      server.close();
    }
    state.reset();
    co_await pause();
    stream.writer.write("\n");
    co_await gives(stream.reader.read(), "still here\n");
    EXPECT_TRUE(watched.expired()) << "and no longer";
  };
  run(talk());
}

TEST_F(StreamServers, a_plain_function_may_keep_the_stream_or_let_it_close) {
  const auto talk = [&]() -> Task<> {
    std::vector<StreamPair> kept;
    const auto keep_first = [&kept](StreamReader reader, StreamWriter writer) {
      writer.write("welcome\n");
      if (kept.empty()) kept.push_back(StreamPair{reader, writer});
    };
    auto starting = start_server(keep_first, "127.0.0.1", 0);
    Server server = co_await std::move(starting);
    const Port port = server.endpoints().front().port();
    auto first_call = open_connection("127.0.0.1", port);
    const StreamPair first = co_await std::move(first_call);
    auto second_call = open_connection("127.0.0.1", port);
    const StreamPair second = co_await std::move(second_call);
    co_await gives(second.reader.read(), "welcome\n");
    co_await gives(first.reader.readline(), "welcome\n");
    EXPECT_FALSE(first.reader.at_eof());
    kept.clear();
    co_await gives(first.reader.read(), "");
    server.close();
    co_await server.wait_closed();
  };
  run(talk());
}

TEST_F(StreamServers, a_coroutine_may_take_its_stream_by_reference) {
  const auto serve = [](StreamReader& reader, StreamWriter& writer) -> Task<> {
    const std::string line = co_await reader.readline();
    writer.write(line);
  };
  const auto talk = [&]() -> Task<> {
    const std::string path = "@tidegate-streams-by-reference-" + std::to_string(::getpid());
    auto starting = start_unix_server(serve, path);
    Server server = co_await std::move(starting);
    auto connecting = open_unix_connection(path);
    const StreamPair stream = co_await std::move(connecting);
    stream.writer.write("by reference\n");
    co_await gives(stream.reader.read(), "by reference\n");
    server.close();
    co_await server.wait_closed();
  };
  run(talk());
}

TEST_F(StreamServers, a_socket_that_is_there_already_becomes_a_stream) {
  const auto talk = [&]() -> Task<> {
    auto [own, other] = Socket::pair();
    auto first_call = open_connection(std::move(own));
    const StreamPair first = co_await std::move(first_call);
    auto second_call = open_connection(std::move(other));
    const StreamPair second = co_await std::move(second_call);
    first.writer.write("over a pair");
    first.writer.close();
    co_await gives(second.reader.read(), "over a pair");
    second.writer.close();
    co_await second.writer.wait_closed();
    co_await first.writer.wait_closed();
  };
  run(talk());
}

TEST_F(StreamServers, a_limit_of_nothing_is_refused_before_anything_is_done) {
  const auto talk = [&]() -> Task<> {
    EXPECT_THROW(static_cast<void>(open_connection("127.0.0.1", 1, {}, 0)), std::invalid_argument);
    EXPECT_THROW(static_cast<void>(start_server(echo_lines, "127.0.0.1", 0, {}, 0)), std::invalid_argument);
    co_return;
  };
  run(talk());
}

}  // namespace
}  // namespace tidegate::streams_rig
