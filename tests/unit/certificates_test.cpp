// The tests' own certificates are what they claim to be: libcrypto accepts the good ones, and says of each of
// the others what is wrong with it.
#include "support/certificates.hpp"

#include "support/openssl_handles.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

namespace tidegate::testing {
namespace {

using StoreHandle = std::unique_ptr<X509_STORE, FreedBy<X509_STORE_free>>;
using VerifyHandle = std::unique_ptr<X509_STORE_CTX, FreedBy<X509_STORE_CTX_free>>;

/// Not what is in it: sk_X509_free is a macro.
void free_stack(STACK_OF(X509) * stack) { sk_X509_free(stack); }
using StackHandle = std::unique_ptr<STACK_OF(X509), FreedBy<free_stack>>;

std::vector<CertificateHandle> certificates_in(const std::string& pem) {
  const BioHandle memory(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  std::vector<CertificateHandle> found;
  while (X509* certificate = PEM_read_bio_X509(memory.get(), nullptr, nullptr, nullptr)) {
    found.emplace_back(certificate);
  }
  ERR_clear_error();  // the end of the text is one
  return found;
}

KeyHandle key_in(const Certificate& certificate, const std::string& password) {
  const BioHandle memory(
      BIO_new_mem_buf(certificate.key_pem.data(), static_cast<int>(certificate.key_pem.size())));
  std::string given = password;
  KeyHandle key(PEM_read_bio_PrivateKey(memory.get(), nullptr, nullptr, given.data()));
  ERR_clear_error();
  return key;
}

/// X509_V_OK, or what a client (or a server, with `purpose`) that trusts the trusted authority finds wrong.
int verify(const Certificate& certificate, const char* host = nullptr, const char* purpose = "ssl_server") {
  const std::vector<CertificateHandle> chain = certificates_in(certificate.certificate_pem);
  const std::vector<CertificateHandle> roots = certificates_in(trusted_authority().certificate_pem());
  const StoreHandle store(X509_STORE_new());
  X509_STORE_add_cert(store.get(), roots.front().get());
  const StackHandle others(sk_X509_new_null());
  for (const CertificateHandle& one : chain) sk_X509_push(others.get(), one.get());
  const VerifyHandle work(X509_STORE_CTX_new());
  X509_STORE_CTX_init(work.get(), store.get(), chain.front().get(), others.get());
  X509_STORE_CTX_set_default(work.get(), purpose);
  X509_VERIFY_PARAM* terms = X509_STORE_CTX_get0_param(work.get());
  if (host != nullptr && X509_VERIFY_PARAM_set1_ip_asc(terms, host) != 1) {
    X509_VERIFY_PARAM_set1_host(terms, host, 0);
  }
  ERR_clear_error();
  X509_verify_cert(work.get());
  return X509_STORE_CTX_get_error(work.get());
}

const char* words(int code) { return X509_verify_cert_error_string(code); }

TEST(Certificates, good_ones_are_accepted_for_each_of_their_names) {
  for (const Certificate* good :
       {&server_certificate(), &rsa_server_certificate(), &chained_server_certificate()}) {
    for (const char* host : {"localhost", "127.0.0.1", "::1"}) {
      const int found = verify(*good, host);
      EXPECT_EQ(found, X509_V_OK) << host << ": " << words(found);
    }
  }
  EXPECT_EQ(verify(client_certificate(), nullptr, "ssl_client"), X509_V_OK);
}

TEST(Certificates, each_bad_one_is_bad_in_its_own_way) {
  EXPECT_EQ(verify(expired_certificate()), X509_V_ERR_CERT_HAS_EXPIRED);
  EXPECT_EQ(verify(future_certificate()), X509_V_ERR_CERT_NOT_YET_VALID);
  EXPECT_EQ(verify(self_signed_certificate()), X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT);
  EXPECT_EQ(verify(strange_certificate()), X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
  EXPECT_EQ(verify(other_host_certificate()), X509_V_OK);
  EXPECT_EQ(verify(other_host_certificate(), "localhost"), X509_V_ERR_HOSTNAME_MISMATCH);
  EXPECT_EQ(verify(other_host_certificate(), "127.0.0.1"), X509_V_ERR_IP_ADDRESS_MISMATCH);
  EXPECT_EQ(verify(client_certificate(), nullptr, "ssl_server"), X509_V_ERR_INVALID_PURPOSE);
}

TEST(Certificates, a_chain_begins_with_the_leaf_and_ends_below_the_root) {
  EXPECT_EQ(certificates_in(server_certificate().certificate_pem).size(), 1U);
  EXPECT_EQ(certificates_in(chained_server_certificate().certificate_pem).size(), 3U);
  Certificate leaf_only = chained_server_certificate();
  leaf_only.certificate_pem.resize(leaf_only.certificate_pem.find("-----BEGIN", 1));
  EXPECT_EQ(verify(leaf_only), X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
}

TEST(Certificates, an_encrypted_key_needs_its_password) {
  const Certificate certificate = trusted_authority().issue({.password = "open sesame"});
  EXPECT_NE(certificate.key_pem.find("ENCRYPTED"), std::string::npos);
  EXPECT_EQ(key_in(certificate, "open barley"), nullptr);
  const KeyHandle key = key_in(certificate, "open sesame");
  ASSERT_NE(key, nullptr);
  const std::vector<CertificateHandle> own = certificates_in(certificate.certificate_pem);
  EXPECT_EQ(X509_check_private_key(own.front().get(), key.get()), 1);
}

TEST(Certificates, keys_are_of_the_kind_that_was_asked_for) {
  EXPECT_EQ(EVP_PKEY_get_base_id(key_in(server_certificate(), "").get()), EVP_PKEY_EC);
  EXPECT_EQ(EVP_PKEY_get_base_id(key_in(rsa_server_certificate(), "").get()), EVP_PKEY_RSA);
}

TEST(Certificates, a_scratch_folder_holds_files_for_as_long_as_it_lives) {
  std::string folder;
  {
    const ScratchFolder scratch;
    folder = scratch.path();
    const std::string path = scratch.write("ca.pem", trusted_authority().certificate_pem());
    std::ifstream file(path);
    const std::string read{std::istreambuf_iterator<char>(file), {}};
    EXPECT_EQ(read, trusted_authority().certificate_pem());
  }
  EXPECT_FALSE(std::filesystem::exists(folder));
}

}  // namespace
}  // namespace tidegate::testing
