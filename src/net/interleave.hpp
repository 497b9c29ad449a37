// The order in which the addresses of one host are tried. Knows nothing of connecting.
#pragma once

#include <tidegate/endpoint.hpp>

#include <cstddef>
#include <vector>

namespace tidegate::net {

/// Addresses in an order that alternates between their families, each family keeping its own order, so that
/// one family that does not work delays the others little (RFC 8305, section 4; contract C3). The first
/// address's family leads, with `first_family_count` addresses before the next family has its turn; 0 leaves
/// the resolver's order alone.
[[nodiscard]] std::vector<Endpoint> interleave(std::vector<Endpoint> endpoints,
                                               std::size_t first_family_count);

}  // namespace tidegate::net
