#include "tls/openssl/openssl_errors.hpp"

#include <new>

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/sslerr.h>
#include <openssl/x509_vfy.h>

namespace tidegate::tls {

namespace {

bool is_shortage_of_memory(unsigned long error) noexcept {
  return ERR_GET_REASON(error) == ERR_R_MALLOC_FAILURE;
}

std::string text_of(unsigned long error) {
  if (error == 0) return "unknown error";
  // OpenSSL hands on errno as an error of its own library, which has no text there.
  if (ERR_SYSTEM_ERROR(error)) return std::system_category().message(ERR_GET_REASON(error));
  const char* reason = ERR_reason_error_string(error);
  return reason != nullptr ? reason : fmt::format("error {:08X}", error);
}

/// A peer's alert is an error of the library SSL, whose number is the alert's behind an offset.
bool is_alert(unsigned long error) noexcept {
  return ERR_GET_LIB(error) == ERR_LIB_SSL && ERR_GET_REASON(error) > SSL_AD_REASON_OFFSET &&
         ERR_GET_REASON(error) <= SSL_AD_REASON_OFFSET + 255;
}

TlsErrc kind_of(unsigned long error) noexcept {
  if (ERR_GET_LIB(error) != ERR_LIB_SSL) return TlsErrc::protocol_violation;
  switch (ERR_GET_REASON(error)) {
    case SSL_R_NO_SHARED_CIPHER:
    case SSL_R_NO_CIPHERS_AVAILABLE:
    case SSL_R_NO_PROTOCOLS_AVAILABLE:
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_VERSION_TOO_LOW:
    case SSL_R_WRONG_SSL_VERSION:
    case SSL_R_NO_SUITABLE_KEY_SHARE:
    case SSL_R_NO_SUITABLE_GROUPS:
    case SSL_R_NO_SHARED_GROUPS:
    case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
    case SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS:
    case SSL_R_NO_SUITABLE_DIGEST_ALGORITHM:
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
    case SSL_R_NO_CERTIFICATE_ASSIGNED:
      return TlsErrc::nothing_in_common;
    case ERR_R_INTERNAL_ERROR:
    case SSL_R_UNINITIALIZED:
      return TlsErrc::internal;
    default:
      return TlsErrc::protocol_violation;
  }
}

/// In OpenSSL's words, which do not say whom the certificate should have been of.
std::string describe_refusal(const Refusal& refusal, const std::string& server_hostname) {
  const char* reason = X509_verify_cert_error_string(refusal.verify_code);
  switch (refusal.verify_code) {
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return fmt::format("certificate verify failed: {}, the certificate is not valid for '{}'", reason,
                         server_hostname);
    default:
      return fmt::format("certificate verify failed: {} (depth {})", reason, refusal.depth);
  }
}

/// A record that is too short to be decrypted is an "internal error" to OpenSSL; there is nothing else that
/// goes wrong inside of it once there are keys.
bool is_unreadable_record(unsigned long error, const FailureContext& context) noexcept {
  return context.reads_encrypted && ERR_GET_LIB(error) == ERR_LIB_SSL &&
         ERR_GET_REASON(error) == ERR_R_INTERNAL_ERROR;
}

std::exception_ptr describe_failure(unsigned long error, const FailureContext& context) {
  if (is_shortage_of_memory(error)) return std::make_exception_ptr(std::bad_alloc());
  if (is_alert(error)) {
    const int alert = ERR_GET_REASON(error) - SSL_AD_REASON_OFFSET;
    return std::make_exception_ptr(
        TlsError(TlsErrc::alert_received,
                 fmt::format("the peer sent the alert '{}' ({})", SSL_alert_desc_string_long(alert), alert)));
  }
  if (ERR_GET_LIB(error) == ERR_LIB_SSL && ERR_GET_REASON(error) == SSL_R_CERTIFICATE_VERIFY_FAILED) {
    return std::make_exception_ptr(CertificateError(
        context.refusal.verify_code, describe_refusal(context.refusal, context.server_hostname)));
  }
  if (is_unreadable_record(error, context)) {
    return std::make_exception_ptr(TlsError(TlsErrc::protocol_violation, "a record can't be decrypted"));
  }
  if (error == 0) return std::make_exception_ptr(TlsError(TlsErrc::internal, "OpenSSL gave no reason"));
  return std::make_exception_ptr(TlsError(kind_of(error), text_of(error)));
}

}  // namespace

unsigned long take_error() noexcept {
  const unsigned long error = ERR_peek_last_error();
  ERR_clear_error();
  return error;
}

void forget_errors() noexcept {
  // Clearing goes through the whole queue, looking at it does not.
  if (ERR_peek_error() != 0) ERR_clear_error();
}

std::string take_error_text() { return text_of(take_error()); }

void throw_openssl_error(TlsErrc errc, const std::string& what) {
  const unsigned long error = take_error();
  if (is_shortage_of_memory(error)) throw std::bad_alloc();
  throw TlsError(errc, fmt::format("{}: {}", what, text_of(error)));
}

std::exception_ptr connection_failure(unsigned long error, const FailureContext& context) noexcept {
  try {
    return describe_failure(error, context);
  } catch (...) {
    return std::current_exception();  // no memory for the words
  }
}

}  // namespace tidegate::tls
