// What a TLS context can be made of, and what is said about that which can't be used.
#include "support/certificates.hpp"
#include "support/tls_engine_pair.hpp"

#include <cerrno>
#include <functional>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

namespace tidegate::tls {
namespace {

using testing::client_options;
using testing::EnginePair;
using testing::ScratchFolder;
using testing::server_options;

/// The text of the error that `options` make, which has to be a `Kind`.
template <typename Kind>
std::string refusal_of(const std::function<TlsContext()>& make) {
  try {
    (void)make();
  } catch (const Kind& error) {
    return error.what();
  } catch (const std::exception& error) {
    return std::string("another kind of error: ") + error.what();
  }
  return "no error";
}

std::string unusable(const TlsCertChain& chain) {
  TlsOptions options;
  options.cert_chains = {chain};
  return refusal_of<TlsError>([&] { return TlsContext::server(options); });
}

std::string nonsense(const TlsOptions& options) {
  return refusal_of<std::invalid_argument>([&] { return TlsContext::server(options); });
}

const std::string kUnusable = ": a certificate or a key can't be used";

// --- handles -----------------------------------------------------------------------------------------------

TEST(TlsContext, is_none_until_it_is_made) {
  EXPECT_FALSE(TlsContext());
  const TlsContext client = TlsContext::client();
  const TlsContext server = TlsContext::server(server_options());
  EXPECT_TRUE(client);
  EXPECT_FALSE(client.is_server());
  EXPECT_TRUE(server.is_server());
  EXPECT_EQ(TlsContext(client), client);
  EXPECT_NE(TlsContext::client(), client);
}

TEST(TlsContext, says_whether_connections_have_to_name_their_server) {
  TlsOptions options;
  EXPECT_TRUE(TlsContext::client(options).core()->checks_hostname());
  options.check_hostname = false;
  EXPECT_FALSE(TlsContext::client(options).core()->checks_hostname());
  options.check_hostname = true;
  options.verify = TlsVerify::none;
  EXPECT_FALSE(TlsContext::client(options).core()->checks_hostname());
  EXPECT_FALSE(TlsContext::server(server_options()).core()->checks_hostname());
}

TEST(TlsContext, is_kept_by_its_connections) {
  TlsContext server = TlsContext::server(server_options());
  EnginePair pair(TlsContext::client(client_options()), server);
  server = TlsContext();
  EXPECT_TRUE(pair.shake_hands());
}

// --- certificates and keys ---------------------------------------------------------------------------------

TEST(TlsContextCertificates, come_from_files_with_the_key_beside_or_inside) {
  const ScratchFolder folder;
  const testing::Certificate& certificate = testing::chained_server_certificate();
  TlsCertChain apart;
  apart.certificate_file = folder.write("certificate.pem", certificate.certificate_pem);
  apart.key_file = folder.write("key.pem", certificate.key_pem);
  TlsCertChain together;
  together.certificate_file = folder.write("both.pem", certificate.key_pem + certificate.certificate_pem);
  TlsCertChain mixed;
  mixed.certificate_file = apart.certificate_file;
  mixed.key_pem = certificate.key_pem;
  for (const TlsCertChain& chain : {apart, together, mixed}) {
    TlsOptions server;
    server.cert_chains = {chain};
    EnginePair pair(client_options(), server);
    EXPECT_TRUE(pair.shake_hands());
  }
}

TEST(TlsContextCertificates, a_missing_file_is_named) {
  TlsCertChain chain;
  chain.certificate_file = "/nowhere/certificate.pem";
  TlsOptions options;
  options.cert_chains = {chain};
  EXPECT_EQ(refusal_of<OsError>([&] { return TlsContext::server(options); }),
            "read certificate file '/nowhere/certificate.pem': No such file or directory");

  const ScratchFolder folder;
  options.cert_chains.front().certificate_file =
      folder.write("certificate.pem", testing::server_certificate().certificate_pem);
  options.cert_chains.front().key_file = folder.path();
  EXPECT_EQ(refusal_of<OsError>([&] { return TlsContext::server(options); }),
            "read key file '" + folder.path() + "': Is a directory");
}

TEST(TlsContextCertificates, a_text_without_one_is_named) {
  const ScratchFolder folder;
  TlsCertChain chain;
  chain.certificate_file = folder.write("empty.pem", "nothing here\n");
  EXPECT_EQ(unusable(chain), "certificate file '" + chain.certificate_file +
                                 "' holds no certificate (PEM is expected)" + kUnusable);
  chain = {};
  chain.certificate_pem = testing::server_certificate().certificate_pem;
  EXPECT_EQ(unusable(chain), "certificate_pem holds no private key (PEM is expected)" + kUnusable);
}

TEST(TlsContextCertificates, a_broken_one_is_named) {
  TlsCertChain chain = testing::chained_server_certificate().chain();
  const std::size_t second = chain.certificate_pem.find("-----BEGIN", 10);
  chain.certificate_pem.replace(second + 60, 8, "!!!!!!!!");
  EXPECT_EQ(unusable(chain), "certificate 2 of certificate_pem is broken: bad base64 decode" + kUnusable);
}

TEST(TlsContextCertificates, a_broken_key_is_named) {
  TlsCertChain chain = testing::server_certificate().chain();
  chain.key_pem.replace(chain.key_pem.find('\n') + 5, 8, "!!!!!!!!");
  EXPECT_EQ(unusable(chain),
            "the private key of key_pem is broken or of a kind that is not known: unsupported" + kUnusable);
}

TEST(TlsContextCertificates, a_key_of_another_certificate_is_refused) {
  TlsCertChain chain = testing::server_certificate().chain();
  chain.key_pem = testing::client_certificate().key_pem;
  EXPECT_EQ(unusable(chain), "certificate_pem and the key of key_pem don't belong together" + kUnusable);
  chain.key_pem = testing::rsa_server_certificate().key_pem;
  EXPECT_EQ(unusable(chain), "certificate_pem and the key of key_pem don't belong together" + kUnusable);
}

TEST(TlsContextCertificates, an_encrypted_key_needs_its_password_and_asks_nobody) {
  testing::CertificateTerms terms;
  terms.password = "open sesame";
  TlsCertChain chain = testing::trusted_authority().issue(terms).chain();
  TlsOptions server;
  server.cert_chains = {chain};
  EnginePair pair(client_options(), server);
  EXPECT_TRUE(pair.shake_hands());

  chain.password = "";
  EXPECT_EQ(unusable(chain), "the private key of key_pem is encrypted, and no password is given" + kUnusable);
  chain.password = "wrong";
  EXPECT_EQ(
      unusable(chain).rfind("the private key of key_pem can't be decrypted with the password given: ", 0), 0U)
      << unusable(chain);
  chain.password = std::string(5000, 'x');
  EXPECT_NE(unusable(chain), "no error");
}

TEST(TlsContextCertificates, contradictions_are_argument_errors) {
  EXPECT_EQ(nonsense({}), "a TLS context for servers needs a certificate (cert_chains)");
  TlsOptions options;
  options.cert_chains = {TlsCertChain()};
  EXPECT_EQ(nonsense(options), "a TlsCertChain needs certificate_file or certificate_pem");
  options = server_options();
  options.cert_chains.front().certificate_file = "x";
  EXPECT_EQ(nonsense(options), "a TlsCertChain has certificate_file or certificate_pem, not both");
  options = server_options();
  options.cert_chains.front().key_file = "x";
  EXPECT_EQ(nonsense(options), "a TlsCertChain has key_file or key_pem, not both");
  options = server_options();
  options.cert_chains.push_back(testing::chained_server_certificate().chain());
  EXPECT_EQ(nonsense(options),
            "certificate_pem: another certificate with the same kind of key is there already");
}

// --- authorities -------------------------------------------------------------------------------------------

TEST(TlsContextAuthorities, what_can_not_be_read_is_named) {
  const ScratchFolder folder;
  TlsOptions options;
  options.ca_file = folder.write("empty.pem", "");
  EXPECT_EQ(refusal_of<TlsError>([&] { return TlsContext::client(options); }),
            "CA file '" + options.ca_file + "' holds no certificate (PEM is expected)" + kUnusable);
  options = {};
  options.ca_data = "garbage";
  EXPECT_EQ(refusal_of<TlsError>([&] { return TlsContext::client(options); }),
            "ca_data holds no certificate (PEM is expected)" + kUnusable);
  options = {};
  options.ca_path = folder.path() + "/missing";
  EXPECT_EQ(refusal_of<OsError>([&] { return TlsContext::client(options); }),
            "read CA folder '" + options.ca_path + "': No such file or directory");
  options.ca_path = folder.write("file", "");
  EXPECT_EQ(refusal_of<OsError>([&] { return TlsContext::client(options); }),
            "read CA folder '" + options.ca_path + "': Not a directory");
}

TEST(TlsContextAuthorities, the_same_twice_is_fine) {
  TlsOptions options = client_options();
  options.ca_data += options.ca_data;
  EXPECT_TRUE(TlsContext::client(options));
}

// --- lists and ranges --------------------------------------------------------------------------------------

TEST(TlsContextLists, that_make_no_sense_are_argument_errors) {
  TlsOptions options = server_options();
  options.ciphers = "NO-SUCH-CIPHER";
  EXPECT_EQ(nonsense(options), "ciphers 'NO-SUCH-CIPHER' names no cipher that can be used");
  options = server_options();
  options.ciphersuites = "TLS_NO_SUCH_SUITE";
  EXPECT_EQ(nonsense(options), "ciphersuites 'TLS_NO_SUCH_SUITE' has one that does not exist");
  options = server_options();
  options.ciphers = std::string("HIGH\0", 5);
  EXPECT_EQ(nonsense(options), "ciphers 'HIGH\\x00' has a NUL in it");
  options = server_options();
  options.minimum_version = TlsVersion::tls_1_3;
  options.maximum_version = TlsVersion::tls_1_2;
  EXPECT_EQ(nonsense(options), "minimum_version is later than maximum_version");
  options = server_options();
  options.alpn_protocols = {""};
  EXPECT_EQ(nonsense(options), "an ALPN protocol has 0 bytes; 1 to 255 are possible");
  options.alpn_protocols = {std::string(256, 'x')};
  EXPECT_EQ(nonsense(options), "an ALPN protocol has 256 bytes; 1 to 255 are possible");
  options.alpn_protocols.assign(300, std::string(255, 'x'));
  EXPECT_EQ(nonsense(options), "there are too many ALPN protocols");
}

TEST(TlsContextLists, errors_leave_nothing_behind_for_the_next) {
  TlsOptions bad = server_options();
  bad.ciphers = "NO-SUCH-CIPHER";
  EXPECT_THROW((void)TlsContext::server(bad), std::invalid_argument);
  EnginePair pair;
  EXPECT_TRUE(pair.shake_hands());
}

// --- errors ------------------------------------------------------------------------------------------------

TEST(TlsErrors_T2, the_two_that_are_about_time_equal_the_systems) {
  EXPECT_EQ(make_error_code(TlsErrc::handshake_timed_out), std::errc::timed_out);
  EXPECT_EQ(make_error_code(TlsErrc::shutdown_timed_out), std::errc::timed_out);
  EXPECT_NE(make_error_code(TlsErrc::truncated), std::errc::connection_reset);
  EXPECT_EQ(make_error_code(TlsErrc::truncated).message(), "the connection was cut without a close_notify");
  EXPECT_STREQ(tls_category().name(), "tls");
}

}  // namespace
}  // namespace tidegate::tls
