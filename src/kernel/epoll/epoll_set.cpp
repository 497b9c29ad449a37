// One epoll instance: see epoll_set.hpp.
#include "kernel/epoll/epoll_set.hpp"

#include <tidegate/error.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <utility>

#include <sys/eventfd.h>
#include <unistd.h>

namespace tidegate::kernel {

namespace {

// Number 0, which every table knows, in a generation that nobody has.
constexpr std::uint64_t kWakeTag = std::uint64_t{EpollSlotTable::kNoGeneration} << 32U;

std::uint64_t tag_of(FileDescriptor descriptor, const EpollSlot& slot) noexcept {
  return std::uint64_t{slot.generation} << 32U | static_cast<std::uint32_t>(descriptor.number);
}

OsError last_error(const char* attempted) {
  return OsError(std::error_code(errno, std::system_category()), attempted);
}

OwnedFileDescriptor checked(int number, const char* attempted) {
  if (number < 0) throw last_error(attempted);
  return OwnedFileDescriptor(FileDescriptor{number});
}

}  // namespace

EpollSet::EpollSet()
    : epoll_(checked(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1")),
      wake_(checked(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd")) {
  epoll_event event{};
  // Edge-triggered and never read: every wake-up is an edge of its own, so none that comes after a wait has
  // returned can be taken back together with the one that ended it. (The counter would overflow after 2^64
  // wake-ups.)
  event.events = EPOLLIN | EPOLLET;
  event.data.u64 = kWakeTag;
  if (::epoll_ctl(epoll_.get().number, EPOLL_CTL_ADD, wake_.get().number, &event) != 0)
    throw last_error("epoll_ctl");
}

void EpollSet::set_interest(FileDescriptor descriptor, EpollSlot& slot, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = tag_of(descriptor, slot);
  int action = slot.registered ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
  int outcome = ::epoll_ctl(epoll_.get().number, action, descriptor.number, &event);
  if (outcome != 0 && (errno == ENOENT || errno == EEXIST)) {
    // The user closed a watched descriptor and reuses its number: what we believed of it is out of date.
    action = errno == ENOENT ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    outcome = ::epoll_ctl(epoll_.get().number, action, descriptor.number, &event);
  }
  if (outcome != 0) throw last_error("epoll_ctl");
  slot.registered = true;
  slot.interest = static_cast<std::uint8_t>(events);  // EPOLLIN and EPOLLOUT
}

void EpollSet::forget_interest(FileDescriptor descriptor, EpollSlot& slot) noexcept {
  if (!slot.registered) return;
  // Fails only where the descriptor is closed already, and then there is nothing to forget.
  static_cast<void>(::epoll_ctl(epoll_.get().number, EPOLL_CTL_DEL, descriptor.number, nullptr));
  slot.registered = false;
  slot.interest = 0;
}

int EpollSet::wait_for_events(const std::optional<Duration>& timeout) noexcept {
  if (nanosecond_waits_) {
    timespec limit{};
    if (timeout) {
      const auto seconds = std::chrono::floor<std::chrono::seconds>(*timeout);
      limit.tv_sec = seconds.count();
      limit.tv_nsec = (*timeout - seconds).count();
    }
    const int count = ::epoll_pwait2(epoll_.get().number, events_.data(), kEventsPerWait,
                                     timeout ? &limit : nullptr, nullptr);
    if (count >= 0 || errno != ENOSYS) return count;
    nanosecond_waits_ = false;
  }
  // Rounded up, for a timer is never early; cut to a day, for the argument is an int.
  constexpr std::int64_t kLongestMilliseconds = 86'400'000;
  const std::int64_t milliseconds =
      timeout ? std::chrono::ceil<std::chrono::milliseconds>(*timeout).count() : -1;
  return ::epoll_wait(epoll_.get().number, events_.data(), kEventsPerWait,
                      static_cast<int>(std::min(milliseconds, kLongestMilliseconds)));
}

/// Asks again and again for `spin`, or for `timeout` where that is shorter. False where that found nothing;
/// `timeout` is what is left of it then.
bool EpollSet::found_by_spinning(std::optional<Duration>& timeout, Duration spin) noexcept {
  const auto begin = std::chrono::steady_clock::now();
  const Duration longest = timeout ? std::min(spin, *timeout) : spin;
  Duration spun{};
  do {
    event_count_ = wait_for_events(Duration::zero());
    if (event_count_ != 0) {
      event_count_ = std::max(event_count_, 0);  // a signal has ended it
      return true;
    }
    spun = std::chrono::steady_clock::now() - begin;
  } while (spun < longest);
  if (timeout) *timeout = std::max(*timeout - spun, Duration::zero());
  return false;
}

void EpollSet::wake() noexcept {
  const std::uint64_t one = 1;
  static_cast<void>(!::write(wake_.get().number, &one, sizeof one));  // can't fail: see the constructor
}

}  // namespace tidegate::kernel
