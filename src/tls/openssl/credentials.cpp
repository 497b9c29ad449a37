#include "tls/openssl/credentials.hpp"

#include <tidegate/error.hpp>

#include "net/printable.hpp"
#include "tls/openssl/openssl_errors.hpp"
#include "tls/openssl/pem.hpp"

#include <cerrno>
#include <stdexcept>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/sslerr.h>
#include <openssl/x509_vfy.h>
#include <sys/stat.h>

namespace tidegate::tls {

namespace {

using BorrowedCertificates =
    std::unique_ptr<STACK_OF(X509), FreeWith<[](STACK_OF(X509) * stack) { sk_X509_free(stack); }>>;

PemText certificate_text_of(const TlsCertChain& chain) {
  if (!chain.certificate_file.empty() && !chain.certificate_pem.empty()) {
    throw std::invalid_argument("a TlsCertChain has certificate_file or certificate_pem, not both");
  }
  if (!chain.certificate_file.empty()) return read_pem_file("certificate file", chain.certificate_file);
  if (!chain.certificate_pem.empty()) return {"certificate_pem", chain.certificate_pem};
  throw std::invalid_argument("a TlsCertChain needs certificate_file or certificate_pem");
}

/// The key may stand in the text of the certificate.
PemText key_text_of(const TlsCertChain& chain, const PemText& certificate) {
  if (!chain.key_file.empty() && !chain.key_pem.empty()) {
    throw std::invalid_argument("a TlsCertChain has key_file or key_pem, not both");
  }
  if (!chain.key_file.empty()) return read_pem_file("key file", chain.key_file);
  if (!chain.key_pem.empty()) return {"key_pem", chain.key_pem};
  return certificate;
}

[[noreturn]] void throw_unusable_pair(const PemText& certificate, const PemText& key) {
  const unsigned long error = ERR_peek_last_error();
  const int reason = ERR_GET_LIB(error) == ERR_LIB_SSL ? ERR_GET_REASON(error) : 0;
  if (reason == SSL_R_NOT_REPLACING_CERTIFICATE) {
    forget_errors();
    throw std::invalid_argument(fmt::format(
        "{}: another certificate with the same kind of key is there already", certificate.origin));
  }
  if (reason == SSL_R_PRIVATE_KEY_MISMATCH) {
    forget_errors();
    throw TlsError(TlsErrc::bad_credentials,
                   fmt::format("{} and the key of {} don't belong together", certificate.origin, key.origin));
  }
  throw_openssl_error(TlsErrc::bad_credentials, certificate.origin);
}

void trust_text(X509_STORE* store, const PemText& pem) {
  for (const CertificateHandle& certificate : certificates_of(pem)) {
    if (X509_STORE_add_cert(store, certificate.get()) != 1) {
      throw_openssl_error(TlsErrc::bad_credentials, pem.origin);
    }
  }
}

void trust_folder(X509_STORE* store, const std::string& path) {
  const std::string attempted = fmt::format("read CA folder '{}'", net::printable(path));
  // OpenSSL looks at it when a certificate is wanted, and takes a folder that is not there for an empty one.
  struct stat status {};
  if (path.find('\0') != std::string::npos || ::stat(path.c_str(), &status) != 0) {
    throw OsError({errno, std::system_category()}, attempted);
  }
  if (!S_ISDIR(status.st_mode)) throw OsError({ENOTDIR, std::system_category()}, attempted);
  if (X509_STORE_load_path(store, path.c_str()) != 1) throw_openssl_error(TlsErrc::internal, attempted);
}

}  // namespace

void use_cert_chain(SSL_CTX* context, const TlsCertChain& chain) {
  const PemText certificate_text = certificate_text_of(chain);
  const PemText key_text = key_text_of(chain, certificate_text);
  const std::vector<CertificateHandle> certificates = certificates_of(certificate_text);
  const KeyHandle key = private_key_of(key_text, chain.password);

  const BorrowedCertificates issuers(sk_X509_new_null());
  if (issuers == nullptr) throw std::bad_alloc();
  for (std::size_t index = 1; index < certificates.size(); ++index) {
    if (sk_X509_push(issuers.get(), certificates[index].get()) == 0) throw std::bad_alloc();
  }
  constexpr int kNotInPlaceOfAnother = 0;
  if (SSL_CTX_use_cert_and_key(context, certificates.front().get(), key.get(), issuers.get(),
                               kNotInPlaceOfAnother) != 1) {
    throw_unusable_pair(certificate_text, key_text);
  }
}

void trust_authorities(SSL_CTX* context, const TlsOptions& options, bool with_system_ca) {
  forget_errors();
  X509_STORE* store = SSL_CTX_get_cert_store(context);
  if (!options.ca_file.empty()) trust_text(store, read_pem_file("CA file", options.ca_file));
  if (!options.ca_data.empty()) trust_text(store, {"ca_data", options.ca_data});
  if (!options.ca_path.empty()) trust_folder(store, options.ca_path);
  if (with_system_ca && SSL_CTX_set_default_verify_paths(context) != 1) {
    throw_openssl_error(TlsErrc::internal, "read this machine's CA certificates");
  }
}

}  // namespace tidegate::tls
