// A certificate as something that can be read: TlsCertificate. Knows no connection.
#pragma once

#include <tidegate/tls.hpp>

#include <openssl/x509.h>

namespace tidegate::tls {

/// What does not belong into a certificate (a broken date, an address of five bytes) is left out; the
/// certificate came from a peer. Throws std::bad_alloc.
[[nodiscard]] TlsCertificate read_certificate(const X509* certificate);

}  // namespace tidegate::tls
