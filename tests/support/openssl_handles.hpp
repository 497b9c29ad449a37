// Owning pointers to what OpenSSL makes, and what it says when something fails. For the tests' own use of it,
// which knows nothing of the library's.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

namespace tidegate::testing {

template <auto free_function>
struct FreedBy {
  template <typename T>
  void operator()(T* owned) const noexcept {
    free_function(owned);
  }
};

using BioHandle = std::unique_ptr<BIO, FreedBy<BIO_free_all>>;
using CertificateHandle = std::unique_ptr<X509, FreedBy<X509_free>>;
using CipherHandle = std::unique_ptr<EVP_CIPHER_CTX, FreedBy<EVP_CIPHER_CTX_free>>;
using ContextHandle = std::unique_ptr<SSL_CTX, FreedBy<SSL_CTX_free>>;
using ConnectionHandle = std::unique_ptr<SSL, FreedBy<SSL_free>>;
using KeyHandle = std::unique_ptr<EVP_PKEY, FreedBy<EVP_PKEY_free>>;
using KeyWorkHandle = std::unique_ptr<EVP_PKEY_CTX, FreedBy<EVP_PKEY_CTX_free>>;

/// The newest error that OpenSSL keeps for this thread, in words; forgets all of them.
[[nodiscard]] inline std::string openssl_error() {
  const unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  if (code == 0) return "no error of OpenSSL's";
  const char* reason = ERR_reason_error_string(code);
  return reason != nullptr ? reason : "OpenSSL's error " + std::to_string(code);
}

/// Throws, which fails the test, where a call of OpenSSL's has not worked.
inline void require_openssl(bool worked, const char* attempted) {
  if (!worked) throw std::runtime_error(std::string(attempted) + ": " + openssl_error());
}

}  // namespace tidegate::testing
