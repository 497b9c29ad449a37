// One play: all that follows from one seed, and whether everything was as it should be.
#pragma once

#include <cstdint>
#include <string>

namespace tidegate::workload {

struct Outcome {
  /// Of all that has happened, on the network and above it.
  std::uint64_t hash = 0;
  /// What was wrong, and what led there; empty where nothing was.
  std::string fault;
};

/// `aloud`: with everything printed as it happens.
[[nodiscard]] Outcome play(std::uint64_t seed, bool aloud = false);

}  // namespace tidegate::workload
