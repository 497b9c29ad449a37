// Certificates out of libcrypto: see certificates.hpp.
#include "support/certificates.hpp"

#include "support/openssl_handles.hpp"

#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

namespace tidegate::testing {

namespace {

using ExtensionHandle = std::unique_ptr<X509_EXTENSION, FreedBy<X509_EXTENSION_free>>;

constexpr unsigned kRsaBits = 2048;

KeyHandle make_rsa_key() {
  KeyHandle key(EVP_RSA_gen(kRsaBits));
  require_openssl(key != nullptr, "EVP_RSA_gen");
  return key;
}

KeyHandle make_key(KeyKind kind) {
  if (kind == KeyKind::rsa) {
    static const KeyHandle the_one = make_rsa_key();
    EVP_PKEY_up_ref(the_one.get());
    return KeyHandle(the_one.get());
  }
  // EVP_EC_gen, whose macro casts in a way that clang warns of.
  KeyHandle key(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
  require_openssl(key != nullptr, "EVP_PKEY_Q_keygen");
  return key;
}

std::string text_in(BIO* memory) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(memory, &data);
  return {data, static_cast<std::size_t>(size)};
}

std::string to_pem(X509* certificate) {
  const BioHandle memory(BIO_new(BIO_s_mem()));
  require_openssl(PEM_write_bio_X509(memory.get(), certificate) == 1, "PEM_write_bio_X509");
  return text_in(memory.get());
}

std::string to_pem(EVP_PKEY* key, const std::string& password) {
  const BioHandle memory(BIO_new(BIO_s_mem()));
  const EVP_CIPHER* cipher = password.empty() ? nullptr : EVP_aes_256_cbc();
  require_openssl(PEM_write_bio_PKCS8PrivateKey(memory.get(), key, cipher, password.data(),
                                                static_cast<int>(password.size()), nullptr, nullptr) == 1,
                  "PEM_write_bio_PKCS8PrivateKey");
  return text_in(memory.get());
}

/// Whoever signs: itself where it has no issuer yet.
struct Signer {
  X509* certificate;
  EVP_PKEY* key;
};

void add_extension(X509* certificate, const Signer& signer, int kind, const std::string& value) {
  X509V3_CTX context{};
  X509V3_set_ctx(&context, signer.certificate, certificate, nullptr, nullptr, 0);
  const ExtensionHandle extension(X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()));
  require_openssl(extension != nullptr, value.c_str());
  require_openssl(X509_add_ext(certificate, extension.get(), -1) == 1, "X509_add_ext");
}

/// A certificate for `key`, without extensions and not signed yet.
CertificateHandle begin_certificate(const CertificateTerms& terms, EVP_PKEY* key) {
  static std::atomic<long> serial_numbers{1000};
  CertificateHandle certificate(X509_new());
  require_openssl(certificate != nullptr, "X509_new");
  X509_set_version(certificate.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), serial_numbers++);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), terms.valid_from.count());
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), terms.valid_until.count());
  const auto* name = reinterpret_cast<const unsigned char*>(terms.common_name.c_str());
  require_openssl(X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_UTF8,
                                             name, -1, -1, 0) == 1,
                  "X509_NAME_add_entry_by_txt");
  require_openssl(X509_set_pubkey(certificate.get(), key) == 1, "X509_set_pubkey");
  return certificate;
}

void finish_certificate(X509* certificate, const Signer& signer) {
  X509_set_issuer_name(certificate, X509_get_subject_name(signer.certificate));
  add_extension(certificate, signer, NID_subject_key_identifier, "hash");
  add_extension(certificate, signer, NID_authority_key_identifier,
                signer.certificate == certificate ? "keyid" : "keyid:always");
  require_openssl(X509_sign(certificate, signer.key, EVP_sha256()) > 0, "X509_sign");
}

std::string alternative_names(const CertificateTerms& terms) {
  std::string names;
  const auto add = [&names](const std::string& name) { names += (names.empty() ? "" : ",") + name; };
  for (const std::string& name : terms.dns_names) add("DNS:" + name);
  for (const std::string& address : terms.ip_addresses) add("IP:" + address);
  return names;
}

void add_leaf_extensions(X509* certificate, const Signer& signer, const CertificateTerms& terms) {
  add_extension(certificate, signer, NID_basic_constraints, "critical,CA:FALSE");
  const std::string names = alternative_names(terms);
  if (!names.empty()) add_extension(certificate, signer, NID_subject_alt_name, names);
  if (terms.purpose == Purpose::server) add_extension(certificate, signer, NID_ext_key_usage, "serverAuth");
  if (terms.purpose == Purpose::client) add_extension(certificate, signer, NID_ext_key_usage, "clientAuth");
}

CertificateTerms authority_terms(const std::string& name) {
  return {.common_name = name, .dns_names = {}, .ip_addresses = {}};
}

void add_authority_extensions(X509* certificate, const Signer& signer) {
  add_extension(certificate, signer, NID_basic_constraints, "critical,CA:TRUE");
  add_extension(certificate, signer, NID_key_usage, "critical,keyCertSign,cRLSign");
}

}  // namespace

// --- authorities ---------------------------------------------------------------------------------

struct CertificateAuthority::Parts {
  KeyHandle key;
  CertificateHandle certificate;
  std::string certificate_pem;
  /// What leads from here up to the root, without that; empty for a root.
  std::string chain_pem;

  [[nodiscard]] Signer signer() const { return {certificate.get(), key.get()}; }
};

CertificateAuthority::CertificateAuthority(const std::string& name, KeyKind key) {
  auto parts = std::make_shared<Parts>();
  parts->key = make_key(key);
  parts->certificate = begin_certificate(authority_terms(name), parts->key.get());
  X509_set_issuer_name(parts->certificate.get(), X509_get_subject_name(parts->certificate.get()));
  add_authority_extensions(parts->certificate.get(), parts->signer());
  finish_certificate(parts->certificate.get(), parts->signer());
  parts->certificate_pem = to_pem(parts->certificate.get());
  parts_ = std::move(parts);
}

const std::string& CertificateAuthority::certificate_pem() const noexcept { return parts_->certificate_pem; }

Certificate CertificateAuthority::issue(const CertificateTerms& terms) const {
  const KeyHandle key = make_key(terms.key);
  const CertificateHandle certificate = begin_certificate(terms, key.get());
  add_leaf_extensions(certificate.get(), parts_->signer(), terms);
  finish_certificate(certificate.get(), parts_->signer());
  return {to_pem(certificate.get()) + parts_->chain_pem, to_pem(key.get(), terms.password), terms.password};
}

CertificateAuthority CertificateAuthority::intermediate(const std::string& name) const {
  auto below = std::make_shared<Parts>();
  below->key = make_key(KeyKind::ec);
  below->certificate = begin_certificate(authority_terms(name), below->key.get());
  add_authority_extensions(below->certificate.get(), parts_->signer());
  finish_certificate(below->certificate.get(), parts_->signer());
  below->certificate_pem = to_pem(below->certificate.get());
  below->chain_pem = below->certificate_pem + parts_->chain_pem;
  return CertificateAuthority(std::move(below));
}

std::string CertificateAuthority::hashed_file_name() const {
  int worked = 0;
  const unsigned long hash =
      X509_NAME_hash_ex(X509_get_subject_name(parts_->certificate.get()), nullptr, nullptr, &worked);
  require_openssl(worked == 1, "X509_NAME_hash_ex");
  std::array<char, 16> name{};
  std::snprintf(name.data(), name.size(), "%08lx.0", hash);
  return name.data();
}

Certificate self_signed(const CertificateTerms& terms) {
  const KeyHandle key = make_key(terms.key);
  const CertificateHandle certificate = begin_certificate(terms, key.get());
  const Signer itself{certificate.get(), key.get()};
  add_leaf_extensions(certificate.get(), itself, terms);
  finish_certificate(certificate.get(), itself);
  return {to_pem(certificate.get()), to_pem(key.get(), terms.password), terms.password};
}

// --- the usual ones ------------------------------------------------------------------------------

const CertificateAuthority& trusted_authority() {
  static const CertificateAuthority authority("an authority that the tests trust");
  return authority;
}

const CertificateAuthority& strange_authority() {
  static const CertificateAuthority authority("an authority that nobody knows");
  return authority;
}

const Certificate& server_certificate() {
  static const Certificate certificate = trusted_authority().issue();
  return certificate;
}

const Certificate& rsa_server_certificate() {
  static const Certificate certificate = trusted_authority().issue({.key = KeyKind::rsa});
  return certificate;
}

const Certificate& chained_server_certificate() {
  static const Certificate certificate =
      trusted_authority().intermediate("a regional office").intermediate("a local office").issue();
  return certificate;
}

const Certificate& client_certificate() {
  static const Certificate certificate = trusted_authority().issue(
      {.common_name = "a client", .dns_names = {}, .ip_addresses = {}, .purpose = Purpose::client});
  return certificate;
}

const Certificate& expired_certificate() {
  static const Certificate certificate = trusted_authority().issue(
      {.valid_from = -std::chrono::hours(24), .valid_until = -std::chrono::hours(1)});
  return certificate;
}

const Certificate& future_certificate() {
  static const Certificate certificate =
      trusted_authority().issue({.valid_from = std::chrono::hours(1), .valid_until = std::chrono::hours(24)});
  return certificate;
}

const Certificate& self_signed_certificate() {
  static const Certificate certificate = self_signed();
  return certificate;
}

const Certificate& strange_certificate() {
  static const Certificate certificate = strange_authority().issue();
  return certificate;
}

const Certificate& other_host_certificate() {
  static const Certificate certificate = trusted_authority().issue(
      {.common_name = "other.example", .dns_names = {"other.example"}, .ip_addresses = {"192.0.2.1"}});
  return certificate;
}

// --- as files ------------------------------------------------------------------------------------

void write_private_file(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  using std::filesystem::perms;
  std::filesystem::permissions(path, perms::owner_read | perms::owner_write);
  file << text;
  file.close();
  if (!file) throw std::runtime_error("can't write " + path);
}

ScratchFolder::ScratchFolder() : path_(::testing::TempDir() + "tidegate_certificates_XXXXXX") {
  if (::mkdtemp(path_.data()) == nullptr) throw std::runtime_error("mkdtemp " + path_);
}

ScratchFolder::~ScratchFolder() {
  std::error_code error;
  std::filesystem::remove_all(path_, error);
  EXPECT_FALSE(error) << path_ << ": " << error.message();
}

std::string ScratchFolder::write(const std::string& name, const std::string& text) const {
  std::string path = path_ + "/" + name;
  write_private_file(path, text);
  return path;
}

}  // namespace tidegate::testing
