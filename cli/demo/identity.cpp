// See identity.hpp. The library makes no certificates; this is libcrypto, as any program may use it.
#include "demo/identity.hpp"

#include <stdexcept>

#ifdef TIDEGATE_HAS_TLS

#include <memory>

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

namespace tidegate::cli::demo {

namespace {

template <auto free_it>
struct FreedBy {
  template <typename T>
  void operator()(T* owned) const noexcept {
    free_it(owned);
  }
};

using Bio = std::unique_ptr<BIO, FreedBy<BIO_free_all>>;
using Key = std::unique_ptr<EVP_PKEY, FreedBy<EVP_PKEY_free>>;
using Number = std::unique_ptr<BIGNUM, FreedBy<BN_free>>;
using Certificate = std::unique_ptr<X509, FreedBy<X509_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, FreedBy<X509_EXTENSION_free>>;

constexpr long kHourSeconds = 3'600;
constexpr long kDaySeconds = 24 * kHourSeconds;
constexpr int kSerialNumberBits = 64;

void require(bool worked, const char* attempted) {
  if (worked) return;
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  ERR_clear_error();
  throw std::runtime_error(std::string(attempted) + ": " + (reason != nullptr ? reason : "failed"));
}

Key make_key() {
  Key key(EVP_EC_gen("P-256"));
  require(key != nullptr, "EVP_EC_gen");
  return key;
}

// --- in PEM ------------------------------------------------------------------------------------------------

Bio make_memory() {
  Bio memory(BIO_new(BIO_s_mem()));
  require(memory != nullptr, "BIO_new");
  return memory;
}

std::string text_in(const Bio& memory) {
  char* data = nullptr;
  const long size_bytes = BIO_get_mem_data(memory.get(), &data);
  return {data, static_cast<std::size_t>(size_bytes)};
}

std::string to_pem(const Certificate& certificate) {
  const Bio memory = make_memory();
  require(PEM_write_bio_X509(memory.get(), certificate.get()) == 1, "PEM_write_bio_X509");
  return text_in(memory);
}

std::string to_pem(const Key& key) {
  const Bio memory = make_memory();
  require(PEM_write_bio_PrivateKey(memory.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1,
          "PEM_write_bio_PrivateKey");
  return text_in(memory);
}

// --- what a certificate says -------------------------------------------------------------------------------

/// `issuer`: where the value is about him.
void add_extension(X509* certificate, int kind, const char* value, X509* issuer = nullptr) {
  X509V3_CTX context{};
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, kind, value));
  require(extension != nullptr, value);
  require(X509_add_ext(certificate, extension.get(), -1) == 1, "X509_add_ext");
}

/// Any two differ: clients may take those of one issuer with the same number for the same certificate.
void set_serial_number(X509* certificate) {
  const Number number(BN_new());
  require(number != nullptr, "BN_new");
  require(BN_rand(number.get(), kSerialNumberBits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1, "BN_rand");
  require(BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr,
          "BN_to_ASN1_INTEGER");
}

/// Not signed yet, nor issued by anybody.
Certificate make_certificate(const char* name, const Key& key) {
  Certificate certificate(X509_new());
  require(certificate != nullptr, "X509_new");
  require(X509_set_version(certificate.get(), X509_VERSION_3) == 1, "X509_set_version");
  set_serial_number(certificate.get());
  // Clocks differ a little.
  require(X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -kHourSeconds) != nullptr, "not before");
  require(X509_gmtime_adj(X509_getm_notAfter(certificate.get()), kDaySeconds) != nullptr, "not after");
  require(X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_ASC,
                                     reinterpret_cast<const unsigned char*>(name), -1, -1, 0) == 1,
          "X509_NAME_add_entry_by_txt");
  require(X509_set_pubkey(certificate.get(), key.get()) == 1, "X509_set_pubkey");
  return certificate;
}

void sign(X509* certificate, const X509* issuer, const Key& issuer_key) {
  require(X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) == 1, "X509_set_issuer_name");
  require(X509_sign(certificate, issuer_key.get(), EVP_sha256()) > 0, "X509_sign");
}

Certificate make_authority(const Key& key) {
  Certificate certificate = make_certificate("Tidegate demo authority", key);
  add_extension(certificate.get(), NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
  add_extension(certificate.get(), NID_key_usage, "critical,keyCertSign");
  add_extension(certificate.get(), NID_subject_key_identifier, "hash");
  sign(certificate.get(), certificate.get(), key);
  return certificate;
}

}  // namespace

bool can_make_identities() noexcept { return true; }

Identity make_identity() {
  const Key authority_key = make_key();
  const Certificate authority = make_authority(authority_key);
  const Key key = make_key();
  const Certificate certificate = make_certificate(kHostOfIdentity, key);
  add_extension(certificate.get(), NID_basic_constraints, "critical,CA:FALSE");
  add_extension(certificate.get(), NID_ext_key_usage, "serverAuth");
  // Two authorities of the same name are told apart by that.
  add_extension(certificate.get(), NID_authority_key_identifier, "keyid:always", authority.get());
  add_extension(certificate.get(), NID_subject_alt_name, (std::string("DNS:") + kHostOfIdentity).c_str());
  sign(certificate.get(), authority.get(), authority_key);
  return {to_pem(certificate), to_pem(key), to_pem(authority)};
}

}  // namespace tidegate::cli::demo

#else

namespace tidegate::cli::demo {

bool can_make_identities() noexcept { return false; }

Identity make_identity() { throw std::runtime_error("this build is without TLS"); }

}  // namespace tidegate::cli::demo

#endif
