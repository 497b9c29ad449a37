// How much memory this process occupies.
#pragma once

#include <cstdint>

namespace tidegate::cli::bench {

/// Resident bytes, as the kernel counts them; 0 where it does not say.
[[nodiscard]] std::uint64_t resident_bytes();

}  // namespace tidegate::cli::bench
