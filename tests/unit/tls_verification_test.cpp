// Which certificates are accepted, and what is said of those that are not (contract T1).
#include "support/certificates.hpp"
#include "support/tls_engine_pair.hpp"

#include <stdexcept>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tidegate::tls {
namespace {

using testing::Certificate;
using testing::client_options;
using testing::EnginePair;
using testing::only;
using testing::server_options;

TlsOptions server_with(const Certificate& certificate) {
  TlsOptions options;
  options.cert_chains = {certificate.chain()};
  return options;
}

/// A client's verdict on a server.
struct Verdict {
  bool accepted = false;
  int verify_code = 0;
  std::string text;
  std::string told_to_server;
};

Verdict judge(const Certificate& certificate, const std::string& host, const TlsOptions& client) {
  EnginePair pair(TlsContext::client(client), TlsContext::server(server_with(certificate)),
                  {.server_hostname = host});
  Verdict verdict;
  verdict.accepted = pair.shake_hands();
  if (pair.client.engine().failure() == nullptr) return verdict;
  verdict.told_to_server = describe(pair.server.engine().failure());
  try {
    std::rethrow_exception(pair.client.engine().failure());
  } catch (const CertificateError& error) {
    EXPECT_EQ(error.code(), TlsErrc::certificate_rejected);
    verdict.verify_code = error.verify_code();
    verdict.text = error.verify_message();
  }
  return verdict;
}

Verdict judge(const Certificate& certificate, const std::string& host = "localhost") {
  return judge(certificate, host, client_options());
}

// --- servers -----------------------------------------------------------------------------------------------

TEST(TlsVerification_T1, accepts_what_a_trusted_authority_has_signed) {
  EXPECT_TRUE(judge(testing::server_certificate()).accepted);
  EXPECT_TRUE(judge(testing::rsa_server_certificate()).accepted);
  EXPECT_TRUE(judge(testing::chained_server_certificate()).accepted);
}

TEST(TlsVerification_T1, refuses_an_unknown_issuer) {
  const Verdict verdict = judge(testing::strange_certificate());
  EXPECT_EQ(verdict.verify_code, 20);
  EXPECT_EQ(verdict.text, "certificate verify failed: unable to get local issuer certificate (depth 0)");
  EXPECT_EQ(verdict.told_to_server,
            "the peer sent the alert 'unknown CA' (48): the peer has ended the connection with an alert");
}

TEST(TlsVerification_T1, refuses_a_self_signed_one) {
  const Verdict verdict = judge(testing::self_signed_certificate());
  EXPECT_EQ(verdict.verify_code, 18);
  EXPECT_EQ(verdict.text, "certificate verify failed: self-signed certificate (depth 0)");
}

TEST(TlsVerification_T1, refuses_one_that_has_expired) {
  const Verdict verdict = judge(testing::expired_certificate());
  EXPECT_EQ(verdict.verify_code, 10);
  EXPECT_EQ(verdict.text, "certificate verify failed: certificate has expired (depth 0)");
  EXPECT_THAT(verdict.told_to_server, ::testing::HasSubstr("certificate expired"));
}

TEST(TlsVerification_T1, refuses_one_that_is_not_valid_yet) {
  EXPECT_EQ(judge(testing::future_certificate()).verify_code, 9);
}

TEST(TlsVerification_T1, refuses_another_host_and_says_which_was_wanted) {
  const Verdict verdict = judge(testing::other_host_certificate());
  EXPECT_EQ(verdict.verify_code, 62);
  EXPECT_EQ(verdict.text,
            "certificate verify failed: hostname mismatch, the certificate is not valid for 'localhost'");
}

TEST(TlsVerification_T1, refuses_another_address_and_says_which_was_wanted) {
  const Verdict verdict = judge(testing::other_host_certificate(), "127.0.0.1");
  EXPECT_EQ(verdict.verify_code, 64);
  EXPECT_EQ(verdict.text,
            "certificate verify failed: IP address mismatch, the certificate is not valid for '127.0.0.1'");
}

TEST(TlsVerification_T1, accepts_addresses_and_names_of_the_certificate) {
  EXPECT_TRUE(judge(testing::server_certificate(), "127.0.0.1").accepted);
  EXPECT_TRUE(judge(testing::server_certificate(), "::1").accepted);
  EXPECT_TRUE(judge(testing::server_certificate(), "LocalHost").accepted);
  EXPECT_TRUE(judge(testing::server_certificate(), "localhost.").accepted);
  EXPECT_TRUE(judge(testing::other_host_certificate(), "other.example").accepted);
}

TEST(TlsVerification_T1, a_wildcard_stands_for_one_whole_label) {
  testing::CertificateTerms terms;
  terms.dns_names = {"*.hosts.example"};
  const Certificate wild = testing::trusted_authority().issue(terms);
  EXPECT_TRUE(judge(wild, "a.hosts.example").accepted);
  EXPECT_EQ(judge(wild, "a.b.hosts.example").verify_code, 62);
  EXPECT_EQ(judge(wild, "hosts.example").verify_code, 62);
}

TEST(TlsVerification_T1, the_common_name_is_nobodys_name) {
  testing::CertificateTerms terms;
  terms.common_name = "named.example";
  terms.dns_names = {};
  terms.ip_addresses = {};
  EXPECT_EQ(judge(testing::trusted_authority().issue(terms), "named.example").verify_code, 62);
}

TEST(TlsVerification_T1, refuses_a_certificate_for_clients) {
  testing::CertificateTerms terms;
  terms.purpose = testing::Purpose::client;
  EXPECT_EQ(judge(testing::trusted_authority().issue(terms)).verify_code, 26);
}

TEST(TlsVerification_T1, without_check_hostname_any_host_of_a_trusted_authority_will_do) {
  TlsOptions client = client_options();
  client.check_hostname = false;
  EXPECT_TRUE(judge(testing::other_host_certificate(), "localhost", client).accepted);
  EXPECT_FALSE(judge(testing::strange_certificate(), "localhost", client).accepted);
}

TEST(TlsVerification_T1, without_verification_anybody_will_do) {
  TlsOptions client;
  client.verify = TlsVerify::none;
  EXPECT_TRUE(judge(testing::other_host_certificate(), "localhost", client).accepted);
  EXPECT_TRUE(judge(testing::self_signed_certificate(), "localhost", client).accepted);
  EXPECT_TRUE(judge(testing::expired_certificate(), "", client).accepted);
}

TEST(TlsVerification_T1, a_client_that_names_nobody_trusts_whom_this_machine_trusts) {
  EXPECT_EQ(judge(testing::server_certificate(), "localhost", {}).verify_code, 20);
}

TEST(TlsVerification_T1, a_self_signed_certificate_may_be_trusted_itself) {
  TlsOptions client;
  client.ca_data = testing::self_signed_certificate().certificate_pem;
  EXPECT_TRUE(judge(testing::self_signed_certificate(), "localhost", client).accepted);
}

TEST(TlsVerification_T1, trusts_a_file_and_a_folder_of_authorities) {
  const testing::ScratchFolder folder;
  TlsOptions with_file;
  with_file.ca_file = folder.write("ca.pem", testing::strange_authority().certificate_pem() +
                                                 testing::trusted_authority().certificate_pem());
  EXPECT_TRUE(judge(testing::server_certificate(), "localhost", with_file).accepted);
  EXPECT_TRUE(judge(testing::strange_certificate(), "localhost", with_file).accepted);

  const testing::ScratchFolder authorities;
  authorities.write(testing::trusted_authority().hashed_file_name(),
                    testing::trusted_authority().certificate_pem());
  TlsOptions with_folder;
  with_folder.ca_path = authorities.path();
  EXPECT_TRUE(judge(testing::server_certificate(), "localhost", with_folder).accepted);
  EXPECT_FALSE(judge(testing::strange_certificate(), "localhost", with_folder).accepted);
}

// --- names that are none -----------------------------------------------------------------------------------

TEST(TlsServerName, what_is_no_name_is_an_argument_error) {
  const TlsContext context = TlsContext::client(client_options());
  for (const std::string& name :
       {std::string(".example"), std::string("."), std::string("a b"), std::string("a\0b", 3),
        std::string(256, 'a'), std::string("b\xc3\xa4r.example"), std::string("a\n")}) {
    EXPECT_THROW(EnginePair(context, TlsContext::server(server_options()), {.server_hostname = name}),
                 std::invalid_argument)
        << name;
  }
}

TEST(TlsServerName, a_name_beyond_ascii_is_told_to_be_so) {
  try {
    const EnginePair pair(TlsContext::client(client_options()), TlsContext::server(server_options()),
                          {.server_hostname = "b\xc3\xa4r.example"});
    FAIL() << "it was taken";
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(
        error.what(),
        "server_hostname 'b\xc3\xa4r.example' is not in ASCII (the IDNA form, xn--..., is expected)");
  }
}

TEST(TlsServerName, addresses_are_not_sent_and_names_are) {
  for (const auto& [host, sent] : {std::pair("localhost", "localhost"), std::pair("localhost.", "localhost"),
                                   std::pair("127.0.0.1", ""), std::pair("::1", "")}) {
    EnginePair pair(TlsContext::client(client_options()), TlsContext::server(server_options()),
                    {.server_hostname = host});
    ASSERT_TRUE(pair.shake_hands());
    EXPECT_EQ(pair.client.engine().server_hostname(), host);
    EXPECT_EQ(pair.server.engine().server_hostname(), sent);
  }
}

// --- clients -----------------------------------------------------------------------------------------------

class TlsClientCertificates : public ::testing::TestWithParam<TlsVersion> {
 protected:
  /// Whether the server accepts; both ends' failures beside that.
  bool shake_hands(TlsVerify verification, const Certificate* certificate) {
    TlsOptions server = only(GetParam(), server_options());
    server.verify = verification;
    server.ca_data = testing::trusted_authority().certificate_pem();
    TlsOptions client = client_options();
    if (certificate != nullptr) client.cert_chains = {certificate->chain()};
    EnginePair pair(client, server);
    // A client of TLS 1.3 is done before the server has judged; what it hears then is an alert.
    const bool accepted = pair.shake_hands();
    server_failure = pair.server.engine().failure();
    client_failure = pair.client.engine().failure();
    const auto shown = pair.server.engine().peer_certificate();
    subject = shown.has_value() ? shown->subject : "";
    return accepted;
  }

  std::exception_ptr server_failure;
  std::exception_ptr client_failure;
  std::string subject;
};

TEST_P(TlsClientCertificates, are_not_asked_for_by_default) {
  EXPECT_TRUE(shake_hands(TlsVerify::none, &testing::client_certificate()));
  EXPECT_EQ(subject, "");
}

TEST_P(TlsClientCertificates, are_accepted_where_they_are_asked_for) {
  EXPECT_TRUE(shake_hands(TlsVerify::required, &testing::client_certificate()));
  EXPECT_EQ(subject, "CN=a client");
  EXPECT_TRUE(shake_hands(TlsVerify::optional, &testing::client_certificate()));
  EXPECT_EQ(subject, "CN=a client");
}

TEST_P(TlsClientCertificates, may_be_missing_where_they_are_optional_only) {
  EXPECT_TRUE(shake_hands(TlsVerify::optional, nullptr));
  EXPECT_FALSE(shake_hands(TlsVerify::required, nullptr));
  EXPECT_EQ(Error(server_failure).code(), TlsErrc::nothing_in_common);
  EXPECT_EQ(Error(client_failure).code(), TlsErrc::alert_received);
}

TEST_P(TlsClientCertificates, that_are_wrong_are_refused_either_way) {
  for (const TlsVerify verification : {TlsVerify::optional, TlsVerify::required}) {
    EXPECT_FALSE(shake_hands(verification, &testing::strange_certificate()));
    EXPECT_EQ(Error(server_failure).code(), TlsErrc::certificate_rejected);
    EXPECT_EQ(Error(client_failure).code(), TlsErrc::alert_received);
    EXPECT_THAT(describe(client_failure), ::testing::HasSubstr("'unknown CA' (48)"));
  }
}

INSTANTIATE_TEST_SUITE_P(, TlsClientCertificates, ::testing::Values(TlsVersion::tls_1_2, TlsVersion::tls_1_3),
                         [](const auto& info) {
                           return std::string(info.param == TlsVersion::tls_1_2 ? "tls_1_2" : "tls_1_3");
                         });

}  // namespace
}  // namespace tidegate::tls
