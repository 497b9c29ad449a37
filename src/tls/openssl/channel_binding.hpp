// What binds a login to the connection that it is made on.
#pragma once

#include <cstddef>
#include <vector>

#include <openssl/ssl.h>

namespace tidegate::tls {

/// "tls-exporter" (RFC 9266). Empty with a TLS 1.2 that lacks the extended master secret, where another
/// connection might have the same. REQUIRES: the handshake is over. Throws std::bad_alloc.
[[nodiscard]] std::vector<std::byte> exported_binding(SSL* ssl);

/// "tls-server-end-point" (RFC 5929): a hash of the server's certificate. Empty where there is none, or where
/// its signature is of a kind without a hash of its own (Ed25519), for which nothing is defined.
[[nodiscard]] std::vector<std::byte> server_end_point(const X509* server_certificate);

}  // namespace tidegate::tls
