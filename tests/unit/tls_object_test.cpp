// What can be asked about a TLS connection: certificates as text, channel bindings.
#include "support/certificates.hpp"
#include "support/tls_engine_pair.hpp"

#include <chrono>
#include <stdexcept>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tidegate::tls {
namespace {

using testing::client_options;
using ::testing::ElementsAre;
using testing::EnginePair;
using testing::only;
using testing::server_options;

TlsOptions server_with(const testing::CertificateTerms& terms) {
  TlsOptions options;
  options.cert_chains = {testing::trusted_authority().issue(terms).chain()};
  return options;
}

TEST(TlsPeerCertificate_T5, says_who_it_is_for_who_signed_it_and_how_long_it_lasts) {
  const auto now = std::chrono::system_clock::now();
  testing::CertificateTerms terms;
  terms.common_name = "B\xc3\xa4r, Inc. ";
  terms.dns_names = {"localhost", "*.example"};
  terms.ip_addresses = {"192.0.2.1", "2001:db8::1"};
  EnginePair pair(client_options(), server_with(terms));
  EXPECT_EQ(pair.client.engine().peer_certificate(), std::nullopt);
  ASSERT_TRUE(pair.shake_hands()) << describe(pair.client.engine().failure());
  EXPECT_EQ(pair.server.engine().peer_certificate(), std::nullopt);

  const auto certificate = pair.client.engine().peer_certificate();
  ASSERT_TRUE(certificate.has_value());
  EXPECT_EQ(certificate->subject, "CN=B\xc3\xa4r\\, Inc.\\ ");
  EXPECT_THAT(certificate->issuer, ::testing::StartsWith("CN="));
  EXPECT_THAT(certificate->serial_number, ::testing::MatchesRegex("[0-9A-F]+"));
  EXPECT_THAT(certificate->dns_names, ElementsAre("localhost", "*.example"));
  EXPECT_THAT(certificate->ip_addresses, ElementsAre("192.0.2.1", "2001:db8::1"));
  const auto tolerance = std::chrono::minutes(5);
  EXPECT_LT(std::chrono::abs(certificate->not_before - (now + terms.valid_from)), tolerance);
  EXPECT_LT(std::chrono::abs(certificate->not_after - (now + terms.valid_until)), tolerance);
  ASSERT_GT(certificate->der.size(), 100U);
  EXPECT_EQ(certificate->der.front(), std::byte{0x30});
}

TEST(TlsPeerCertificate_T5, may_last_longer_than_the_clock_can_tell) {
  testing::CertificateTerms terms;
  terms.valid_until = std::chrono::hours(24) * 365 * 1000;
  EnginePair pair(client_options(), server_with(terms));
  ASSERT_TRUE(pair.shake_hands()) << describe(pair.client.engine().failure());
  EXPECT_EQ(pair.client.engine().peer_certificate()->not_after, std::chrono::system_clock::time_point::max());
}

TEST(TlsPeerCertificate_T5, comes_with_those_that_were_sent_along) {
  TlsOptions server;
  server.cert_chains = {testing::chained_server_certificate().chain()};
  server.verify = TlsVerify::required;
  server.ca_data = testing::trusted_authority().certificate_pem();
  TlsOptions client = client_options();
  client.cert_chains = {testing::client_certificate().chain()};
  EnginePair pair(client, server);
  ASSERT_TRUE(pair.shake_hands());
  const auto servers = pair.client.engine().peer_chain();
  ASSERT_EQ(servers.size(), 3U);
  EXPECT_EQ(servers[0].der, pair.client.engine().peer_certificate()->der);
  EXPECT_EQ(servers[0].issuer, servers[1].subject);
  EXPECT_EQ(servers[1].issuer, servers[2].subject);
  const auto clients = pair.server.engine().peer_chain();
  ASSERT_EQ(clients.size(), 1U);
  EXPECT_EQ(clients[0].subject, "CN=a client");
}

TEST(TlsObject_T5, stays_true_when_the_connection_is_gone) {
  std::shared_ptr<const TlsObject> object;
  {
    EnginePair pair;
    ASSERT_TRUE(pair.shake_hands());
    object = pair.client.object();
    pair.client.engine().close();
  }
  EXPECT_EQ(object->version(), "TLSv1.3");
  EXPECT_EQ(object->peer_certificate()->subject, "CN=localhost");
  EXPECT_TRUE(object->context());
}

class TlsChannelBindings : public ::testing::TestWithParam<TlsVersion> {};

TEST_P(TlsChannelBindings, are_the_same_at_both_ends_and_others_for_others) {
  const TlsOptions client = only(GetParam(), client_options());
  EnginePair one(client);
  EnginePair another(client);
  EXPECT_TRUE(one.client.engine().channel_binding("tls-exporter").empty());
  ASSERT_TRUE(one.shake_hands() && another.shake_hands());
  const auto exported = one.client.engine().channel_binding("tls-exporter");
  EXPECT_EQ(exported.size(), 32U);
  EXPECT_EQ(one.server.engine().channel_binding("tls-exporter"), exported);
  EXPECT_NE(another.server.engine().channel_binding("tls-exporter"), exported);

  const auto end_point = one.client.engine().channel_binding("tls-server-end-point");
  EXPECT_EQ(end_point.size(), 32U);
  EXPECT_EQ(one.server.engine().channel_binding("tls-server-end-point"), end_point);
  EXPECT_EQ(another.server.engine().channel_binding("tls-server-end-point"), end_point);
  EXPECT_THROW((void)one.client.engine().channel_binding("tls-unique"), std::invalid_argument);
}

INSTANTIATE_TEST_SUITE_P(, TlsChannelBindings, ::testing::Values(TlsVersion::tls_1_2, TlsVersion::tls_1_3),
                         [](const auto& info) {
                           return std::string(info.param == TlsVersion::tls_1_2 ? "tls_1_2" : "tls_1_3");
                         });

}  // namespace
}  // namespace tidegate::tls
