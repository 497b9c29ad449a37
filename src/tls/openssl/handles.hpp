// Owners of OpenSSL's objects: each lets go of its own when it ends.
#pragma once

#include <memory>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

namespace tidegate::tls {

template <auto Free>
struct FreeWith {
  template <typename Object>
  void operator()(Object* object) const noexcept {
    Free(object);
  }
};

using BioHandle = std::unique_ptr<BIO, FreeWith<&BIO_free>>;
using CertificateHandle = std::unique_ptr<X509, FreeWith<&X509_free>>;
using KeyHandle = std::unique_ptr<EVP_PKEY, FreeWith<&EVP_PKEY_free>>;
using SslContextHandle = std::unique_ptr<SSL_CTX, FreeWith<&SSL_CTX_free>>;
using SslHandle = std::unique_ptr<SSL, FreeWith<&SSL_free>>;
using SessionHandle = std::unique_ptr<SSL_SESSION, FreeWith<&SSL_SESSION_free>>;

}  // namespace tidegate::tls
