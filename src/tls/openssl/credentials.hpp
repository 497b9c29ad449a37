// Who we are and whom we trust, put into an SSL_CTX: certificates with their keys, and authorities.
#pragma once

#include <tidegate/tls.hpp>

#include <openssl/ssl.h>

namespace tidegate::tls {

/// Adds a certificate, those that lead up to its issuer, and its key. Throws OsError, TlsError
/// (bad_credentials) that name what can't be used, and std::invalid_argument for terms that contradict each
/// other.
void use_cert_chain(SSL_CTX* context, const TlsCertChain& chain);

/// Trusts what `options` names as ca_file, ca_path and ca_data, and this machine's where `with_system_ca`.
/// Throws as above.
void trust_authorities(SSL_CTX* context, const TlsOptions& options, bool with_system_ca);

}  // namespace tidegate::tls
