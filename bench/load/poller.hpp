// Waits for sockets: epoll as a class.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include <sys/epoll.h>

namespace load {

class Poller {
 public:
  /// Throws std::system_error, as do all others.
  Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;
  ~Poller();

  /// Reports `events` of the descriptor, with `number` to tell it by, until it is closed.
  void add(int descriptor, std::uint32_t events, std::uint64_t number) const;
  void change(int descriptor, std::uint32_t events, std::uint64_t number) const;

  /// What has happened, after 100 ms at the latest. Lifetime: until the next call.
  [[nodiscard]] std::span<const epoll_event> wait();

 private:
  void control(int operation, int descriptor, std::uint32_t events, std::uint64_t number) const;

  int descriptor_;
  std::array<epoll_event, 512> events_;
};

}  // namespace load
