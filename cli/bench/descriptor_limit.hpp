// How many descriptors this process may have, and how it gets more.
#pragma once

#include <cstddef>

namespace tidegate::cli::bench {

/// Sees to it that `connections` can be open at once, by raising the soft limit as far as the hard one
/// allows. Throws std::runtime_error that names what is needed and what is allowed.
void allow_connections(std::size_t connections);

}  // namespace tidegate::cli::bench
