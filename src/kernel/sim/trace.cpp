// The hash and the last lines of what has happened: see trace.hpp.
#include "kernel/sim/trace.hpp"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

namespace tidegate::kernel::sim {

namespace {

constexpr std::uint64_t kPrime = 0x100000001b3U;

/// FNV-1a in steps of 64 bits instead of 8; the shift carries what the multiplication moves upwards down
/// again.
std::uint64_t mixed(std::uint64_t hash, std::uint64_t word) noexcept {
  hash = (hash ^ word) * kPrime;
  return hash ^ (hash >> 29U);
}

std::uint64_t mixed(std::uint64_t hash, const char* text) noexcept {
  for (; *text != '\0'; ++text) hash = (hash ^ static_cast<unsigned char>(*text)) * kPrime;
  return hash;
}

}  // namespace

void Trace::note(const Event& event) noexcept {
  hash_ = mixed(hash_, static_cast<std::uint64_t>(event.when.time_since_epoch().count()));
  hash_ = mixed(hash_, event.what);
  hash_ = mixed(hash_, event.who);
  hash_ = mixed(hash_, static_cast<std::uint64_t>(event.number));
  last_[count_ % kKept] = event;
  ++count_;
}

std::string Trace::text() const {
  constexpr std::int64_t kNanosecondsPerSecond = 1'000'000'000;
  std::string text;
  for (std::uint64_t at = count_ - std::min<std::uint64_t>(count_, kKept); at < count_; ++at) {
    const Event& event = last_[at % kKept];
    const std::int64_t time = event.when.time_since_epoch().count();
    fmt::format_to(std::back_inserter(text), "{}.{:09} #{} {} {}\n", time / kNanosecondsPerSecond,
                   time % kNanosecondsPerSecond, event.who, event.what, event.number);
  }
  return text;
}

}  // namespace tidegate::kernel::sim
