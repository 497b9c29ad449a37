// See poller.hpp.
#include "poller.hpp"

#include <cerrno>
#include <cstddef>
#include <system_error>

#include <unistd.h>

namespace load {

namespace {

[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

constexpr int kLongestWaitMilliseconds = 100;

}  // namespace

Poller::Poller() : descriptor_(::epoll_create1(EPOLL_CLOEXEC)) {
  if (descriptor_ < 0) fail("epoll_create1");
}

Poller::~Poller() { ::close(descriptor_); }

void Poller::add(int descriptor, std::uint32_t events, std::uint64_t number) const {
  control(EPOLL_CTL_ADD, descriptor, events, number);
}

void Poller::change(int descriptor, std::uint32_t events, std::uint64_t number) const {
  control(EPOLL_CTL_MOD, descriptor, events, number);
}

void Poller::control(int operation, int descriptor, std::uint32_t events, std::uint64_t number) const {
  epoll_event event{};
  event.events = events;
  event.data.u64 = number;
  if (::epoll_ctl(descriptor_, operation, descriptor, &event) != 0) fail("epoll_ctl");
}

std::span<const epoll_event> Poller::wait() {
  const int count =
      ::epoll_wait(descriptor_, events_.data(), static_cast<int>(events_.size()), kLongestWaitMilliseconds);
  if (count >= 0) return std::span<const epoll_event>(events_).first(static_cast<std::size_t>(count));
  if (errno != EINTR) fail("epoll_wait");
  return {};
}

}  // namespace load
