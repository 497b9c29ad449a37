// Plays a script on a backend. The loop sleeps in the kernel as it would in a program: nothing wakes it but
// what the script does, so an event that is lost shows as a connection that never ends.
#pragma once

#include <tidegate/loop.hpp>

#include "differential/outcome.hpp"
#include "differential/script.hpp"
#include "differential/tally.hpp"

namespace tidegate::differential {

/// Also fails the test at hand where the contract's grammar is broken or something is left behind.
[[nodiscard]] Outcome play(const Script& script, BackendKind backend, Tally& tally);

}  // namespace tidegate::differential
