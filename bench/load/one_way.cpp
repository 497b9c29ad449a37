// See one_way.hpp.
#include "one_way.hpp"

#include "connection.hpp"
#include "pattern.hpp"
#include "poller.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace load {

namespace {

/// Then the other connections have their turn.
constexpr int kSendsPerTurn = 16;

struct Stream {
  Connection connection;
  std::uint64_t position = 0;
};

std::vector<Stream> connect_all(const Arguments& arguments, const Poller& poller, std::uint32_t events) {
  const Connector connector(arguments);
  std::vector<Stream> streams;
  for (std::size_t i = 0; i < arguments.connections; ++i) {
    streams.push_back({connector.connect()});
    poller.add(streams.back().connection.number(), events, i);
  }
  return streams;
}

}  // namespace

void run_send(const Arguments& arguments, Window& window) {
  const std::size_t bytes_at_once = arguments.size_bytes * arguments.pipeline;
  const Pattern pattern(bytes_at_once);
  Poller poller;
  std::vector<Stream> streams = connect_all(arguments, poller, EPOLLOUT);
  window.begin();
  while (window.goes_on()) {
    for (const epoll_event& event : poller.wait()) {
      Stream& stream = streams[event.data.u64];
      for (int i = 0; i < kSendsPerTurn; ++i) {
        const std::size_t count = stream.connection.send(pattern.at(stream.position, bytes_at_once));
        stream.position += count;
        window.count(count);
        if (stream.connection.is_blocked()) break;
      }
    }
  }
}

void run_receive(const Arguments& arguments, Window& window) {
  const Pattern pattern(kReceiveBytes);
  std::vector<unsigned char> memory(kReceiveBytes);
  Poller poller;
  std::vector<Stream> streams = connect_all(arguments, poller, EPOLLIN);
  window.begin();
  while (window.goes_on()) {
    for (const epoll_event& event : poller.wait()) {
      Stream& stream = streams[event.data.u64];
      const std::size_t count = stream.connection.receive(memory);
      pattern.check(stream.position, std::span<const unsigned char>(memory).first(count));
      stream.position += count;
      window.count(count);
    }
  }
}

}  // namespace load
