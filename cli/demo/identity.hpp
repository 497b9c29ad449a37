// Certificates for one run of the demo: nothing is lying about that would expire one day, or be trusted by
// anybody else.
#pragma once

#include <string>

namespace tidegate::cli::demo {

/// What a server over TLS shows, and what its clients trust. All in PEM.
struct Identity {
  std::string certificate;
  std::string key;
  /// The certificate of the authority that has signed the other one; its key is forgotten.
  std::string authority;
};

/// The one host that an identity is for.
inline constexpr const char* kHostOfIdentity = "demo.tidegate.test";

/// Whether this build can make one.
[[nodiscard]] bool can_make_identities() noexcept;

/// A new one, valid for a day, with elliptic keys (P-256). Throws std::runtime_error in a build without TLS,
/// or where OpenSSL can't.
[[nodiscard]] Identity make_identity();

}  // namespace tidegate::cli::demo
