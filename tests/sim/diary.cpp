// See diary.hpp.
#include "sim/diary.hpp"

#include <chrono>
#include <cstdio>
#include <utility>

#include <fmt/format.h>

namespace tidegate::workload {

void Diary::mix(std::uint64_t word) noexcept {
  hash_ = (hash_ ^ word) * 0x100000001b3U;
  hash_ ^= hash_ >> 29U;
}

std::string Diary::to_text(const Entry& entry) {
  const std::chrono::duration<double> seconds = entry.when.time_since_epoch();
  return fmt::format("{:14.6f} s  {:>3}  {} {}\n", seconds.count(), entry.who, entry.what, entry.number);
}

void Diary::note(unsigned who, const char* what, std::int64_t number) {
  const Entry entry{now_(), who, what, number};
  mix(static_cast<std::uint64_t>(entry.when.time_since_epoch().count()));
  mix(who);
  for (const char* letter = what; *letter != '\0'; ++letter) mix(static_cast<unsigned char>(*letter));
  mix(static_cast<std::uint64_t>(number));
  last_.push_back(entry);
  if (last_.size() > kEntriesKept) last_.pop_front();
  if (aloud_) std::fputs(to_text(entry).c_str(), stdout);
}

void Diary::fault(unsigned who, const std::string& what) {
  if (has_fault()) return;
  for (const Entry& entry : last_) fault_ += to_text(entry);
  fault_ += fmt::format("end {}: {}\n", who, what);
}

}  // namespace tidegate::workload
