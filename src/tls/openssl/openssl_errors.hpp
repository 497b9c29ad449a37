// What OpenSSL has to say about a failure, as our exceptions. Knows no connection but the one that failed.
#pragma once

#include <tidegate/tls.hpp>

#include <exception>
#include <string>

#include <openssl/ssl.h>

namespace tidegate::tls {

/// Throws away what earlier calls, also somebody else's on this thread, have left in OpenSSL's queue of
/// errors.
void forget_errors() noexcept;

/// The latest error of the queue in words, which is empty then: "no start line". "unknown error" where there
/// is none.
[[nodiscard]] std::string take_error_text();

/// Throws a TlsError of `errc`, "`what`: `take_error_text()`"; std::bad_alloc where memory was what lacked.
[[noreturn]] void throw_openssl_error(TlsErrc errc, const std::string& what);

/// What a certificate is refused for.
struct Refusal {
  /// X509_V_ERR_...; X509_V_OK: nothing.
  int verify_code = X509_V_OK;
  /// Of the certificate that was refused: 0 the peer's own, then its issuer ...
  int depth = 0;
};

/// The latest error of the queue, which is empty then; 0 for none. The latest and not the first: what lies
/// below is told in the terms of the layer that it went wrong in ("padding check failed"), the last in those
/// of TLS ("bad signature").
[[nodiscard]] unsigned long take_error() noexcept;

/// Of the connection that has failed.
struct FailureContext {
  const Refusal& refusal;
  /// Whom the peer should be.
  const std::string& server_hostname;
  /// Whether the peer's records are encrypted by now.
  bool reads_encrypted;
};

/// What `error` has done to a connection: a TlsError, or std::bad_alloc.
[[nodiscard]] std::exception_ptr connection_failure(unsigned long error,
                                                    const FailureContext& context) noexcept;

}  // namespace tidegate::tls
