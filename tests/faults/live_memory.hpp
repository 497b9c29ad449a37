// How much of operator new is in use.
#pragma once

#include <cstddef>

namespace tidegate::faults {

/// Blocks that the process got from operator new and has not given back.
[[nodiscard]] std::ptrdiff_t live_blocks() noexcept;

}  // namespace tidegate::faults
