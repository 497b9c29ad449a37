// The contexts of the engines in the fuzz targets, with certificates made when the process starts.
#pragma once

#include <tidegate/tls.hpp>

#include <cstddef>
#include <cstdint>

namespace tidegate::fuzz {

enum class Role : std::uint8_t { client, server };
enum class Versions : std::uint8_t { only_1_2, only_1_3, both };

/// Plain contexts have a server with a certificate, and a client that verifies it. Those with everything also
/// have ALPN, client certificates (the server takes them or none), and an `sni_callback` that goes on with
/// another context for "other.example" and throws for "nobody.example".
enum class Extent : std::uint8_t { plain, everything };

/// Made once, all of them together, so that what they take for random is the same each time.
[[nodiscard]] const TlsContext& context(Role role, Versions versions, Extent extent);

}  // namespace tidegate::fuzz
