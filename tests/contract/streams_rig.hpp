// What the tests of streams share: both ends of a stream over each kind of connection. Knows no clause.
#pragma once

#include "contract/ground.hpp"
#include "contract/loop_rig.hpp"
#include "contract/secured_ground.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <source_location>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <unistd.h>

namespace tidegate::streams_rig {

/// What carries a stream.
enum class Carrier { tcp, unix_abstract, tls };

inline std::vector<Carrier> carriers() {
#ifdef TIDEGATE_HAS_TLS
  return {Carrier::tcp, Carrier::unix_abstract, Carrier::tls};
#else
  return {Carrier::tcp, Carrier::unix_abstract};
#endif
}

inline std::string name_of(const ::testing::TestParamInfo<Carrier>& parameter) {
  constexpr std::array<const char*, 3> kNames = {"tcp", "unix_abstract", "tls"};
  return kNames[static_cast<std::size_t>(parameter.param)];
}

/// A connection, seen from both sides.
struct Ends {
  StreamPair near;
  StreamPair far;
};

/// Ends are made with a limit for both. A test that leaves a stream open fails.
class StreamsTest : public loop_rig::LoopTest {
 protected:
  void TearDown() override {
    EXPECT_TRUE(ends_.empty() || run_until([this] {
                  return std::all_of(ends_.begin(), ends_.end(),
                                     [](const Future<>& end) { return end.done(); });
                }))
        << "a stream that nobody holds any more stays open";
    if (!ends_.empty()) turns(3);
    ends_.clear();
    loop_rig::LoopTest::TearDown();
  }

  [[nodiscard]] Task<Ends> connect_over(Carrier carrier, std::size_t limit = kDefaultStreamLimit) {
    auto accepted = loop().create_future<StreamPair>();
    const auto keep = [&accepted](StreamReader reader, StreamWriter writer) {
      accepted.set_result(StreamPair{std::move(reader), std::move(writer)});
    };
    Ends ends;
    if (carrier == Carrier::unix_abstract) {
      const std::string path = "@tidegate-streams-" + std::to_string(::getpid());
      auto starting = start_unix_server(keep, path, {}, limit);
      Server server = co_await std::move(starting);
      auto connecting = open_unix_connection(path, {}, limit);
      ends.near = co_await std::move(connecting);
      ends.far = co_await accepted;
      server.close();
    } else {
      contract::Ground ground;
      ground.carrier = carrier == Carrier::tls ? contract::Carrier::tls_tcp : contract::Carrier::tcp_ipv4;
      ServerOptions listening;
      const TlsContext serving = contract::server_context(ground);
      listening.tls = serving;
      auto starting = start_server(keep, "127.0.0.1", 0, listening, limit);
      Server server = co_await std::move(starting);
      ConnectOptions calling;
      const TlsContext asking = contract::client_context(ground);
      calling.tls = asking;
      auto connecting = open_connection("127.0.0.1", server.endpoints().front().port(), calling, limit);
      ends.near = co_await std::move(connecting);
      ends.far = co_await accepted;
      server.close();
    }
    watch(ends.near.writer);
    watch(ends.far.writer);
    co_return ends;
  }

  /// The test waits for its end.
  void watch(const StreamWriter& writer) { ends_.push_back(writer.wait_closed()); }

  /// The test ends the loop over its streams.
  void forget_ends() { ends_.clear(); }

  /// Lets everything that is ready run, `rounds` times.
  [[nodiscard]] static Task<> pause(int rounds = 20) {
    for (; rounds > 0; --rounds) {
      auto turning = sleep(Duration::zero());
      co_await std::move(turning);
    }
  }

  /// Sends byte by byte, each in an iteration of its own.
  [[nodiscard]] static Task<> trickle(StreamWriter writer, std::string text) {
    for (const char& byte : text) {
      writer.write(BytesView(&byte, 1));
      co_await pause(2);
    }
  }

 private:
  std::vector<Future<>> ends_;
};

/// As that, over each carrier.
class StreamsOverEach : public StreamsTest, public ::testing::WithParamInterface<Carrier> {
 protected:
  [[nodiscard]] Task<Ends> connect(std::size_t limit = kDefaultStreamLimit) {
    return connect_over(GetParam(), limit);
  }
};

/// Awaits a read and compares. (EXPECT_EQ(co_await ...) is an `if` around a co_await, which GCC 12 can't
/// compile right.)
inline Task<> gives(Task<std::string> reading, std::string expected,
                    std::source_location place = std::source_location::current()) {
  const std::string got = co_await std::move(reading);
  EXPECT_EQ(got, expected) << place.file_name() << ':' << place.line();
}

/// What awaiting `task` throws: the text of the exception, "cancelled", or "nothing".
template <typename T>
Task<std::string> thrown_by(Task<T> task) {
  std::string text = "nothing";
  try {
    co_await std::move(task);
  } catch (...) {
    text = describe(std::current_exception());
  }
  co_return text;
}

/// A text in which every place can be told from every other near it.
inline std::string pattern(std::size_t size_bytes) {
  std::string text(size_bytes, '\0');
  for (std::size_t index = 0; index < size_bytes; ++index) text[index] = static_cast<char>('a' + index % 23);
  return text;
}

}  // namespace tidegate::streams_rig
