// Which conditions of a network make sense. Knows nothing of what they lead to.
#pragma once

#include <tidegate/simulated_network.hpp>

namespace tidegate::kernel::sim {

/// Throws std::invalid_argument that names the first value that makes no sense, and what was expected.
void check(const NetworkConditions& conditions);

}  // namespace tidegate::kernel::sim
