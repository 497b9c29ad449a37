// What the parameters of a tls:// URL mean, and what is said about those that mean nothing.
#include "tls_terms.hpp"

#include <tidegate/endpoint.hpp>
#include <tidegate/tls.hpp>

#include "arguments.hpp"

#include <chrono>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using namespace std::chrono_literals;
using tidegate::TlsVerify;
using tidegate::TlsVersion;
using tidegate::Url;
using tidegate::cli::connecting_terms;
using tidegate::cli::listening_terms;
using tidegate::cli::TlsTerms;
using tidegate::cli::UsageError;

TlsTerms listening(const std::string& query) { return listening_terms(Url::parse("tls://:443" + query)); }
TlsTerms connecting(const std::string& query) {
  return connecting_terms(Url::parse("tls://example.org:443" + query));
}

template <typename Terms>
std::string reason_against(Terms terms, const std::string& query) {
  try {
    static_cast<void>(terms(query));
  } catch (const UsageError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(TlsTerms, a_server_shows_its_certificate_and_asks_for_none_unless_told_otherwise) {
  const TlsTerms terms = listening("?cert=/etc/x.pem");
  ASSERT_EQ(terms.options.cert_chains.size(), 1U);
  EXPECT_EQ(terms.options.cert_chains.front().certificate_file, "/etc/x.pem");
  EXPECT_EQ(terms.options.cert_chains.front().key_file, "");
  EXPECT_EQ(terms.options.verify, TlsVerify::none);
  EXPECT_EQ(terms.options.ca_file, "");
  EXPECT_EQ(terms.options.minimum_version, TlsVersion::tls_1_2);
  EXPECT_TRUE(terms.options.alpn_protocols.empty());
  EXPECT_EQ(terms.handshake_timeout, 10s);
  EXPECT_FALSE(terms.trusts_anybody) << "of clients nobody expects a certificate";
}

TEST(TlsTerms, a_client_verifies_the_host_by_what_the_machine_trusts_unless_told_otherwise) {
  const TlsTerms terms = connecting("");
  EXPECT_TRUE(terms.options.cert_chains.empty());
  EXPECT_EQ(terms.options.verify, TlsVerify::required);
  EXPECT_TRUE(terms.options.check_hostname);
  EXPECT_EQ(terms.options.ca_file, "");
  EXPECT_EQ(terms.server_name, "example.org");
  EXPECT_FALSE(terms.trusts_anybody);
}

TEST(TlsTerms, a_client_that_verifies_nothing_still_names_its_server) {
  const TlsTerms terms = connecting("?verify=none");
  EXPECT_EQ(terms.options.verify, TlsVerify::none);
  EXPECT_FALSE(terms.options.check_hostname);
  EXPECT_EQ(terms.server_name, "example.org");
  EXPECT_TRUE(terms.trusts_anybody);
}

TEST(TlsTerms, another_name_than_the_host_can_be_asked_for) {
  EXPECT_EQ(connecting("?name=other.example").server_name, "other.example");
}

TEST(TlsTerms, both_may_be_told_everything_else) {
  for (const TlsTerms& terms :
       {listening("?cert=c&key=k&ca=a&verify=required&alpn=h2,http/1.1&min=1.3&handshake=0.5"),
        connecting("?cert=c&key=k&ca=a&verify=required&alpn=h2,http/1.1&min=1.3&handshake=0.5")}) {
    EXPECT_EQ(terms.options.cert_chains.front().certificate_file, "c");
    EXPECT_EQ(terms.options.cert_chains.front().key_file, "k");
    EXPECT_EQ(terms.options.ca_file, "a");
    EXPECT_EQ(terms.options.verify, TlsVerify::required);
    EXPECT_EQ(terms.options.alpn_protocols, (std::vector<std::string>{"h2", "http/1.1"}));
    EXPECT_EQ(terms.options.minimum_version, TlsVersion::tls_1_3);
    EXPECT_EQ(terms.handshake_timeout, 500ms);
  }
}

TEST(TlsTerms, a_server_that_names_whom_it_trusts_lets_nobody_else_in) {
  EXPECT_EQ(listening("?cert=c&ca=a").options.verify, TlsVerify::required);
  EXPECT_EQ(listening("?cert=c&ca=a&verify=optional").options.verify, TlsVerify::optional);
  EXPECT_EQ(listening("?cert=c&ca=a&verify=none").options.verify, TlsVerify::none);
}

TEST(TlsTerms, a_server_without_a_certificate_is_refused) {
  EXPECT_EQ(reason_against(listening, ""),
            "no cert in \"tls://:443\", expected one to show to clients, a file in PEM");
  EXPECT_EQ(reason_against(listening, "?key=k"),
            "no cert in \"tls://:443?key=k\", expected one that key belongs to");
  EXPECT_EQ(reason_against(connecting, "?key=k"),
            "no cert in \"tls://example.org:443?key=k\", expected one that key belongs to");
}

TEST(TlsTerms, a_server_that_asks_for_certificates_of_nobody_in_particular_is_refused) {
  for (const std::string word : {"required", "optional"}) {
    EXPECT_EQ(
        reason_against(listening, "?cert=c&verify=" + word),
        "no ca in \"tls://:443?cert=c&verify=" + word + "\", expected one whose clients are to be let in");
  }
  EXPECT_EQ(reason_against(listening, "?cert=c&verify=none"), "accepted");
}

TEST(TlsTerms, words_that_mean_nothing_are_named_with_what_was_expected) {
  EXPECT_EQ(reason_against(connecting, "?verify=optional"),
            "verify \"optional\" in \"tls://example.org:443?verify=optional\", expected required or none");
  EXPECT_EQ(reason_against(listening, "?cert=c&ca=a&verify=yes"),
            "verify \"yes\" in \"tls://:443?cert=c&ca=a&verify=yes\", expected required, optional or none");
  EXPECT_EQ(reason_against(connecting, "?min=1.1"),
            "min \"1.1\" in \"tls://example.org:443?min=1.1\", expected 1.2 or 1.3");
  EXPECT_THAT(reason_against(connecting, "?handshake=0"),
              testing::StartsWith("handshake \"0\", expected seconds"));
  EXPECT_THAT(reason_against(connecting, "?ca="), testing::StartsWith("ca \"\" in"));
  for (const std::string list : {"h2,", ",h2", "h2,,http/1.1", ","}) {
    EXPECT_EQ(reason_against(connecting, "?alpn=" + list),
              "alpn \"" + list + "\" in \"tls://example.org:443?alpn=" + list +
                  "\", expected protocols with commas between them, such as h2,http/1.1");
  }
  EXPECT_EQ(reason_against(connecting, "?alpn=" + std::string(255, 'x')), "accepted");
  EXPECT_THAT(reason_against(connecting, "?alpn=" + std::string(256, 'x')),
              testing::StartsWith("alpn \"xxx"));
}

TEST(TlsTerms, parameters_that_nobody_knows_are_named_with_those_that_there_are) {
  EXPECT_EQ(
      reason_against(listening, "?cert=c&name=x"),
      "unknown parameter \"name\" in \"tls://:443?cert=c&name=x\", expected one of cert, key, ca, verify, "
      "alpn, min, handshake");
  EXPECT_EQ(
      reason_against(connecting, "?cret=x"),
      "unknown parameter \"cret\" in \"tls://example.org:443?cret=x\", expected one of ca, verify, name, "
      "cert, key, alpn, min, handshake");
}

}  // namespace
