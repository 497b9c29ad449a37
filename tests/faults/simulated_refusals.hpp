// What a simulated kernel is to refuse: the one fault that is about to strike. Knows no flows.
#pragma once

#include "kernel/sim/refusals.hpp"

namespace tidegate::faults {

/// For every world on which a flow plays: it says what `verdict` says, by the names of system calls.
[[nodiscard]] kernel::sim::Refusals& refusals_of_the_strike() noexcept;

}  // namespace tidegate::faults
