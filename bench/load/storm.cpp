// See storm.hpp.
#include "storm.hpp"

#include "pattern.hpp"
#include "poller.hpp"
#include "socket.hpp"

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

  /// Connects, and sends at once where the kernel has connected within the call, as it does on one machine.
  Visit(Socket socket, std::uint64_t slot, const Pattern& pattern, std::size_t bytes, const Poller& poller)
      : socket_(std::move(socket)), slot_(slot), bytes_(bytes), started_(Clock::now()) {
    sent_ = socket_.send(pattern.at(0, bytes_));
    poller.add(socket_.number(), sent_ < bytes_ ? EPOLLIN | EPOLLOUT : EPOLLIN, slot_);
  }

  void send_rest(const Pattern& pattern, const Poller& poller) {
    sent_ += socket_.send(pattern.at(sent_, bytes_ - sent_));
    if (sent_ == bytes_) poller.change(socket_.number(), EPOLLIN, slot_);
  }

  void receive(std::vector<unsigned char>& memory, const Pattern& pattern) {
    const std::size_t count = socket_.receive(memory);
    if (count > sent_ - received_) throw std::runtime_error("more came back than was sent");
    pattern.check(received_, std::span<const unsigned char>(memory).first(count));
    received_ += count;
  }

  [[nodiscard]] bool is_over() const noexcept { return received_ == bytes_; }
  [[nodiscard]] Clock::time_point started() const noexcept { return started_; }

 private:
  Socket socket_;
  std::uint64_t slot_ = 0;
  std::size_t bytes_ = 0;
  std::size_t sent_ = 0;
  std::size_t received_ = 0;
  Clock::time_point started_;
};

}  // namespace

void run_storm(const Arguments& arguments, Window& window) {
  const Pattern pattern(arguments.size_bytes);
  std::vector<unsigned char> memory(arguments.size_bytes);
  Poller poller;
  Sources sources;
  std::vector<Visit> slots(arguments.connections);
  const auto begin_visit = [&](std::uint64_t slot) {
    slots[slot] = Visit();  // closes the last one first
    slots[slot] = Visit(Socket::start_connecting(arguments.address, sources.next()), slot, pattern,
                        arguments.size_bytes, poller);
  };

  for (std::uint64_t slot = 0; slot < slots.size(); ++slot) begin_visit(slot);
  window.begin();
  while (window.goes_on()) {
    for (const epoll_event& event : poller.wait()) {
      Visit& visit = slots[event.data.u64];
      if ((event.events & EPOLLOUT) != 0) visit.send_rest(pattern, poller);
      if ((event.events & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0) visit.receive(memory, pattern);
      if (!visit.is_over()) continue;
      window.count(arguments.size_bytes);
      window.count_latency(Clock::now() - visit.started());
      begin_visit(event.data.u64);
    }
  }
}

}  // namespace load
