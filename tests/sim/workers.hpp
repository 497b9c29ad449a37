// Plays many seeds in processes of their own, one for each processor, so that a crash or a play that never
// ends is told with its seed as well; and says how far it is.
#pragma once

#include <cstdint>

namespace tidegate::workload {

struct Campaign {
  std::uint64_t first = 1;
  std::uint64_t count = 0;
  unsigned processes = 1;
  /// Every so many seeds, one is played twice, and has to come out the same.
  std::uint64_t repeats_every = 1;
};

/// How many seeds have failed; each has been told of, with what replays it. Stops at the tenth.
[[nodiscard]] unsigned run(const Campaign& campaign);

/// Plays one, twice where asked for; true where nothing is wrong.
[[nodiscard]] bool run_one(std::uint64_t seed, bool twice, bool aloud);

}  // namespace tidegate::workload
