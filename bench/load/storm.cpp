// See storm.hpp.
#include "storm.hpp"

#include "connection.hpp"
#include "pattern.hpp"
#include "poller.hpp"
#include "tls.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

namespace load {

namespace {

/// 127.0.0.1, .2 and so on in turn. The port of a closed connection stays taken for a while: those of one
/// address alone would run out.
class Sources {
 public:
  std::uint8_t next() noexcept {
    source_ = source_ < 250 ? static_cast<std::uint8_t>(source_ + 1) : std::uint8_t{1};
    return source_;
  }

 private:
  std::uint8_t source_ = 0;
};

/// The connection that a slot has at present.
class Visit {
 public:
  Visit() noexcept = default;

  /// Connects, and sends at once where the kernel has connected within the call, as it does on one machine,
  /// and where there is no handshake to wait for.
  Visit(Connection connection, std::uint64_t slot, const Pattern& pattern, std::size_t bytes,
        const Poller& poller)
      : connection_(std::move(connection)), slot_(slot), bytes_(bytes), started_(Clock::now()) {
    send_rest(pattern);
    waits_ = connection_.is_blocked();
    poller.add(connection_.number(), waits_ ? EPOLLIN | EPOLLOUT : EPOLLIN, slot_);
  }

  void serve(std::uint32_t events, std::vector<unsigned char>& memory, const Pattern& pattern,
             const Poller& poller) {
    if ((events & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0) receive(memory, pattern);
    send_rest(pattern);
    if (connection_.is_blocked() == waits_) return;
    waits_ = connection_.is_blocked();
    poller.change(connection_.number(), waits_ ? EPOLLIN | EPOLLOUT : EPOLLIN, slot_);
  }

  [[nodiscard]] bool is_over() const noexcept { return bytes_ > 0 && received_ == bytes_; }
  [[nodiscard]] Clock::time_point started() const noexcept { return started_; }

  /// Ends it. Where the next one shall resume its session, returns that; and throws std::runtime_error where
  /// the server has given none, or has not resumed the one that this was given.
  TlsSession end(bool next_shall_resume) {
    TlsSession session = next_shall_resume ? session_for_next() : nullptr;
    connection_.close();
    return session;
  }

 private:
  void send_rest(const Pattern& pattern) {
    if (sent_ < bytes_ || connection_.is_blocked()) {
      sent_ += connection_.send(pattern.at(sent_, bytes_ - sent_));
    }
  }

  TlsSession session_for_next() {
    TlsStream& tls = *connection_.tls();
    if (tls.was_given_session() && !tls.has_resumed()) {
      throw std::runtime_error("the server did not resume a session");
    }
    TlsSession session = tls.take_session();
    if (!session) throw std::runtime_error("the server gave no ticket to resume a session with");
    return session;
  }

  void receive(std::vector<unsigned char>& memory, const Pattern& pattern) {
    const std::size_t count = connection_.receive(memory);
    if (count > sent_ - received_) throw std::runtime_error("more came back than was sent");
    pattern.check(received_, std::span<const unsigned char>(memory).first(count));
    received_ += count;
  }

  Connection connection_;
  std::uint64_t slot_ = 0;
  std::size_t bytes_ = 0;
  std::size_t sent_ = 0;
  std::size_t received_ = 0;
  bool waits_ = false;  // for the kernel to take more
  Clock::time_point started_;
};

}  // namespace

void run_storm(const Arguments& arguments, Window& window) {
  const Pattern pattern(arguments.size_bytes);
  const Connector connector(arguments);
  std::vector<unsigned char> memory(kReceiveBytes);
  Poller poller;
  Sources sources;
  std::vector<Visit> slots(arguments.connections);
  const auto begin_visit = [&](std::uint64_t slot, TlsSession session) {
    slots[slot] = Visit(connector.start_connecting(sources.next(), std::move(session)), slot, pattern,
                        arguments.size_bytes, poller);
  };

  for (std::uint64_t slot = 0; slot < slots.size(); ++slot) begin_visit(slot, nullptr);
  window.begin();
  while (window.goes_on()) {
    for (const epoll_event& event : poller.wait()) {
      const std::uint64_t slot = event.data.u64;
      Visit& visit = slots[slot];
      visit.serve(event.events, memory, pattern, poller);
      if (!visit.is_over()) continue;
      window.count(arguments.size_bytes);
      window.count_latency(Clock::now() - visit.started());
      begin_visit(slot, visit.end(arguments.resumes_sessions));
    }
  }
}

}  // namespace load
