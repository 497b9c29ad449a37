// Whom a client wants to speak to: the name it sends along (SNI), and what the certificate has to say.
#pragma once

#include <string>
#include <string_view>

#include <openssl/ssl.h>

namespace tidegate::tls {

/// Has `ssl` send `server_hostname` along where it is a name, and accept, where `has_to_match`, certificates
/// of that name or IP address only. REQUIRES: it is not empty. Throws std::invalid_argument for what is no
/// name.
void set_server_name(SSL* ssl, std::string_view server_hostname, bool has_to_match);

/// The name in the ClientHello that `ssl` has before it, in its client_hello callback; empty where there is
/// none, and where it is broken, which OpenSSL finds out soon after.
[[nodiscard]] std::string name_in_client_hello(SSL* ssl);

}  // namespace tidegate::tls
