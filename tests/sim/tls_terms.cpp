// See tls_terms.hpp.
#include "sim/tls_terms.hpp"

#ifdef TIDEGATE_HAS_TLS
#include "support/certificates.hpp"
#endif

#include <utility>

namespace tidegate::workload {

#ifdef TIDEGATE_HAS_TLS

bool has_tls() noexcept { return true; }

const TlsContext& client_context() {
  static const TlsContext context =
      TlsContext::client({.ca_data = testing::trusted_authority().certificate_pem()});
  return context;
}

/// With an RSA key: its signatures are all of one size, and so a play is the same each time.
const TlsContext& server_context() {
  static const TlsContext context =
      TlsContext::server({.cert_chains = {testing::rsa_server_certificate().chain()}});
  return context;
}

#else

bool has_tls() noexcept { return false; }
const TlsContext& client_context() { std::terminate(); }
const TlsContext& server_context() { std::terminate(); }

#endif

}  // namespace tidegate::workload
