// The protocols to agree on (ALPN) as they go over the wire, and a server's choice. Knows no connection.
#pragma once

#include <string>
#include <vector>

#include <openssl/ssl.h>

namespace tidegate::tls {

/// A length and a name each. Throws std::invalid_argument for a name that is empty or longer than 255 bytes,
/// and for more than 65,535 bytes of them.
[[nodiscard]] std::string alpn_wire_form(const std::vector<std::string>& protocols);

/// Has connections of `context` offer (client) or choose from (server) `wire_form`. Empty: none of it.
/// Lifetime: `wire_form` outlives `context`. Throws std::bad_alloc.
void offer_alpn(SSL_CTX* context, const std::string& wire_form);
void choose_by_alpn(SSL_CTX* context, const std::string& wire_form);

}  // namespace tidegate::tls
