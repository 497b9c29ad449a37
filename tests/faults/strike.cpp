// The one fault that is about to strike: see strike.hpp.
#include "faults/strike.hpp"

namespace tidegate::faults {

namespace {

/// Any thread may allocate.
struct Present {
  std::atomic<bool> armed{false};
  std::atomic<Call> call{Call::allocation};
  std::atomic<int> error{0};
  std::atomic<unsigned> occurrence{0};
  std::atomic<unsigned> made{0};
};

Present present;
thread_local int spared_depth = 0;

}  // namespace

void arm(Call call, int error, unsigned occurrence) noexcept {
  present.call = call;
  present.error = error;
  present.occurrence = occurrence;
  present.made = 0;
  present.armed = true;
}

void disarm() noexcept { present.armed = false; }

bool has_struck() noexcept { return present.made >= present.occurrence; }

unsigned calls_made() noexcept { return present.made; }

int verdict(Call call) noexcept {
  if (!present.armed.load(std::memory_order_relaxed) || present.call != call || spared_depth > 0) return 0;
  return ++present.made == present.occurrence ? present.error.load() : 0;
}

Spared::Spared() noexcept { ++spared_depth; }
Spared::~Spared() { --spared_depth; }

}  // namespace tidegate::faults
