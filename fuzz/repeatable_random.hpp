// Takes OpenSSL's randomness away for this process, so that an input does the same each time it is played.
#pragma once

#include <cstdint>

namespace tidegate::fuzz {

/// From now on, whatever OpenSSL takes for random comes from a generator that begins with `seed`: keys,
/// nonces and tickets are the same the next time. What stays different is the time, which is in certificates
/// and tickets. Throws std::runtime_error where OpenSSL does not take it.
void begin_repeatable_random(std::uint64_t seed);

}  // namespace tidegate::fuzz
