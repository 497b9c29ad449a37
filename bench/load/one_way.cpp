// See one_way.hpp.
#include "one_way.hpp"

#include "pattern.hpp"
#include "poller.hpp"
#include "socket.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace load {

namespace {

constexpr std::size_t kReceiveBytes = std::size_t{256} * 1024;

/// Then the other connections have their turn.
constexpr int kSendsPerTurn = 16;

struct Stream {
  Socket socket;
  std::uint64_t position = 0;
};

std::vector<Stream> connect_all(const Arguments& arguments, const Poller& poller, std::uint32_t events) {
  std::vector<Stream> streams;
  for (std::size_t i = 0; i < arguments.connections; ++i) {
    streams.push_back({Socket::connect(arguments.address)});
    poller.add(streams.back().socket.number(), events, i);
  }
  return streams;
}

}  // namespace

void run_send(const Arguments& arguments, Window& window) {
  const Pattern pattern(arguments.size_bytes);
  Poller poller;
  std::vector<Stream> streams = connect_all(arguments, poller, EPOLLOUT);
  window.begin();
  while (window.goes_on()) {
    for (const epoll_event& event : poller.wait()) {
      Stream& stream = streams[event.data.u64];
      for (int i = 0; i < kSendsPerTurn; ++i) {
        const std::size_t count = stream.socket.send(pattern.at(stream.position, arguments.size_bytes));
        stream.position += count;
        window.count(count);
        if (count < arguments.size_bytes) break;
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
      const std::size_t count = stream.socket.receive(memory);
      pattern.check(stream.position, std::span<const unsigned char>(memory).first(count));
      stream.position += count;
      window.count(count);
    }
  }
}

}  // namespace load
