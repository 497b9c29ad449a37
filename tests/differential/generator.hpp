// Makes scripts out of seeds. Knows what is legal and what the contract determines, and nothing of how a
// script is played.
#pragma once

#include "differential/script.hpp"

#include <cstdint>

namespace tidegate::differential {

/// The script of a seed; always the same one.
[[nodiscard]] Script generate(std::uint64_t seed);

}  // namespace tidegate::differential
