// See echo.hpp.
#include "echo.hpp"

#include "connection.hpp"
#include "pattern.hpp"
#include "poller.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

namespace load {

namespace {

/// A batch of messages on its way there and back, over and over.
class EchoConnection {
 public:
  EchoConnection(Connection connection, std::uint64_t number)
      : connection_(std::move(connection)), number_(number) {}

  void watch(const Poller& poller) const { poller.add(connection_.number(), EPOLLIN, number_); }

  /// The next batch. REQUIRES: the last one has come back.
  void send_batch(std::size_t bytes, Clock::time_point now, const Pattern& pattern, const Poller& poller) {
    batch_bytes_ = bytes;
    sent_ = 0;
    received_ = 0;
    started_ = now;
    send_rest(pattern, poller);
  }

  /// Goes on with a batch that the kernel did not take in one piece.
  void send_rest(const Pattern& pattern, const Poller& poller) {
    sent_ += connection_.send(pattern.at(position_ + sent_, batch_bytes_ - sent_));
    if (connection_.is_blocked() == waits_) return;
    waits_ = connection_.is_blocked();
    poller.change(connection_.number(), waits_ ? EPOLLIN | EPOLLOUT : EPOLLIN, number_);
  }

  /// One receive, checked. Returns how many bytes came.
  std::size_t receive(std::vector<unsigned char>& memory, const Pattern& pattern) {
    const std::size_t count = connection_.receive(memory);
    if (count > sent_ - received_) throw std::runtime_error("more came back than was sent");
    pattern.check(position_ + received_, std::span<const unsigned char>(memory).first(count));
    received_ += count;
    if (count > 0 && has_batch()) position_ += batch_bytes_;
    return count;
  }

  /// All of it has come back.
  [[nodiscard]] bool has_batch() const noexcept { return received_ == batch_bytes_; }
  [[nodiscard]] Clock::time_point started() const noexcept { return started_; }

 private:
  Connection connection_;
  std::uint64_t number_;
  std::uint64_t position_ = 0;  // of the batch in the stream
  std::size_t batch_bytes_ = 0;
  std::size_t sent_ = 0;
  std::size_t received_ = 0;
  bool waits_ = false;  // for the kernel to take more
  Clock::time_point started_;
};

/// All connections, and what they share.
class EchoRun {
 public:
  EchoRun(const Arguments& arguments, Window& window)
      : arguments_(arguments),
        window_(window),
        batch_bytes_(arguments.size_bytes * arguments.pipeline),
        pattern_(std::max(batch_bytes_, kReceiveBytes)),
        memory_(kReceiveBytes) {
    const Connector connector(arguments);
    connections_.reserve(arguments.connections);
    for (std::size_t i = 0; i < arguments.connections; ++i) {
      connections_.emplace_back(connector.connect(), i);
      connections_.back().watch(poller_);
    }
  }

  void run() {
    window_.begin();
    send_on_all(batch_bytes_);
    while (window_.goes_on()) {
      for (const epoll_event& event : poller_.wait()) {
        EchoConnection& connection = connections_[event.data.u64];
        if (!serve(connection, event.events)) continue;
        const auto now = Clock::now();
        window_.count_latency(now - connection.started());
        connection.send_batch(batch_bytes_, now, pattern_, poller_);
      }
    }
  }

  void run_in_lock_step(std::uint64_t messages_each) {
    window_.open();
    for (std::uint64_t left = messages_each; left > 0;) {
      const std::uint64_t messages = std::min<std::uint64_t>(left, arguments_.pipeline);
      send_on_all(static_cast<std::size_t>(messages) * arguments_.size_bytes);
      collect_from_all();
      left -= messages;
    }
    window_.close();
  }

 private:
  void send_on_all(std::size_t bytes) {
    const auto now = Clock::now();
    for (EchoConnection& connection : connections_) connection.send_batch(bytes, now, pattern_, poller_);
  }

  void collect_from_all() {
    for (std::size_t missing = connections_.size(); missing > 0;) {
      for (const epoll_event& event : poller_.wait()) {
        if (serve(connections_[event.data.u64], event.events)) --missing;
      }
    }
  }

  /// True where this completed the batch.
  bool serve(EchoConnection& connection, std::uint32_t events) {
    if ((events & EPOLLOUT) != 0) connection.send_rest(pattern_, poller_);
    if ((events & ~static_cast<std::uint32_t>(EPOLLOUT)) == 0) return false;
    const std::size_t count = connection.receive(memory_, pattern_);
    window_.count(count);
    return count > 0 && connection.has_batch();
  }

  const Arguments& arguments_;
  Window& window_;
  std::size_t batch_bytes_;
  Pattern pattern_;
  std::vector<unsigned char> memory_;
  Poller poller_;
  std::vector<EchoConnection> connections_;
};

}  // namespace

void run_echo(const Arguments& arguments, Window& window) { EchoRun(arguments, window).run(); }

void run_echo_in_lock_step(const Arguments& arguments, Window& window) {
  EchoRun(arguments, window).run_in_lock_step(*arguments.messages);
}

void run_idle(const Arguments& arguments, Window& window, const std::function<void()>& opened) {
  EchoRun connections(arguments, window);
  connections.run_in_lock_step(1);
  opened();
  while (std::cin.get() != std::istream::traits_type::eof()) {
  }
}

}  // namespace load
