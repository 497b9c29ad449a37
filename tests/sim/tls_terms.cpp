// See tls_terms.hpp.
#include "sim/tls_terms.hpp"

#ifdef TIDEGATE_HAS_TLS
#include "support/certificates.hpp"
#endif

#include <utility>

namespace tidegate::workload {

#ifdef TIDEGATE_HAS_TLS

bool has_tls() noexcept { return true; }

namespace {

/// All of it with RSA keys: those signatures are of one size, and so a play is the same each time.
const testing::CertificateAuthority& authority() {
  static const testing::CertificateAuthority made("whom plays trust", testing::KeyKind::rsa);
  return made;
}

}  // namespace

const TlsContext& client_context() {
  static const TlsContext context = TlsContext::client({.ca_data = authority().certificate_pem()});
  return context;
}

const TlsContext& distrusting_context() {
  static const testing::CertificateAuthority other("whom plays do not know", testing::KeyKind::rsa);
  static const TlsContext context = TlsContext::client({.ca_data = other.certificate_pem()});
  return context;
}

const TlsContext& server_context() {
  static const TlsContext context =
      TlsContext::server({.cert_chains = {authority().issue({.key = testing::KeyKind::rsa}).chain()}});
  return context;
}

#else

bool has_tls() noexcept { return false; }
const TlsContext& client_context() { std::terminate(); }
const TlsContext& server_context() { std::terminate(); }
const TlsContext& distrusting_context() { std::terminate(); }

#endif

}  // namespace tidegate::workload
