// Whom a TLS connection is made with (contract T1): certificates that are not to be accepted, on either side.
#include "contract/tls_rig.hpp"
#include "support/certificates.hpp"

#include <string>

#include <openssl/x509_vfy.h>

namespace tidegate::contract {
namespace {

using testing::Alert;
using testing::AlertKind;
using testing::AlertLevel;
using testing::Certificate;

int verify_code_of(const std::exception_ptr& failure) {
  try {
    if (failure) std::rethrow_exception(failure);
  } catch (const CertificateError& error) {
    return error.verify_code();
  } catch (const std::exception& error) {
    ADD_FAILURE() << "not a CertificateError: " << error.what();
  }
  return X509_V_OK;
}

/// The last alert that the peer got.
AlertKind last_alert(TlsPeer& peer) {
  const auto& alerts = peer.tls().alerts_received();
  if (alerts.empty()) {
    ADD_FAILURE() << "the peer got no alert";
    return AlertKind::close_notify;
  }
  return alerts.back().kind;
}

// --- servers that are not who they should be -----------------------------------------------------

class TlsServerCertificates : public TlsClientTest {
 protected:
  void expect_refused(const Certificate& certificate, const std::string& host, int verify_code,
                      AlertKind expected_alert) {
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
      SCOPED_TRACE(X509_verify_cert_error_string(verify_code));
      begin({.peer = {.certificate = &certificate, .minimum_version = version, .maximum_version = version},
             .server_hostname = host});
      const std::exception_ptr failure = handshake_failure();
      EXPECT_EQ(code_of(failure), TlsErrc::certificate_rejected);
      EXPECT_EQ(verify_code_of(failure), verify_code) << text_of(failure);
      ASSERT_TRUE(reach([this] { return peer().wire_has_ended(); }));
      EXPECT_EQ(last_alert(peer()), expected_alert);
      peer().close_wire();
    }
  }
};

TEST_F(TlsServerCertificates, T1_one_that_is_too_old_or_too_young_is_refused) {
  expect_refused(testing::expired_certificate(), "localhost", X509_V_ERR_CERT_HAS_EXPIRED,
                 AlertKind::certificate_expired);
  expect_refused(testing::future_certificate(), "localhost", X509_V_ERR_CERT_NOT_YET_VALID,
                 AlertKind::bad_certificate);
}

TEST_F(TlsServerCertificates, T1_one_that_nobody_we_trust_vouches_for_is_refused) {
  expect_refused(testing::self_signed_certificate(), "localhost", X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT,
                 AlertKind::unknown_ca);
  expect_refused(testing::strange_certificate(), "localhost", X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
                 AlertKind::unknown_ca);
}

TEST_F(TlsServerCertificates, T1_one_of_another_host_is_refused) {
  expect_refused(testing::other_host_certificate(), "localhost", X509_V_ERR_HOSTNAME_MISMATCH,
                 AlertKind::bad_certificate);
  expect_refused(testing::other_host_certificate(), "127.0.0.1", X509_V_ERR_IP_ADDRESS_MISMATCH,
                 AlertKind::bad_certificate);
}

TEST_F(TlsServerCertificates, T1_one_that_is_not_for_servers_is_refused) {
  const Certificate certificate = testing::trusted_authority().issue({.purpose = testing::Purpose::client});
  expect_refused(certificate, "localhost", X509_V_ERR_INVALID_PURPOSE, AlertKind::unsupported_certificate);
}

TEST_F(TlsServerCertificates, T1_a_chain_with_a_link_missing_is_refused) {
  Certificate leaf_only = testing::chained_server_certificate();
  leaf_only.certificate_pem.resize(leaf_only.certificate_pem.find("-----BEGIN", 1));
  expect_refused(leaf_only, "localhost", X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, AlertKind::unknown_ca);
}

TEST_F(TlsServerCertificates, T1_a_whole_chain_is_accepted_for_each_name) {
  for (const std::string host : {"localhost", "127.0.0.1", "::1"}) {
    connect({.peer = {.certificate = &testing::chained_server_certificate()}, .server_hostname = host});
    transport().abort();
    run_until_lost();
  }
}

TEST_F(TlsServerCertificates, T1_whoever_asks_for_less_gets_less) {
  TlsTerms other_name{.peer = {.certificate = &testing::other_host_certificate()}};
  other_name.ours.check_hostname = false;
  connect(other_name);
  transport().abort();
  run_until_lost();
  TlsTerms anybody{.peer = {.certificate = &testing::self_signed_certificate()}};
  anybody.ours.verify = TlsVerify::none;
  connect(anybody);
}

TEST_F(TlsServerCertificates, T1_a_server_that_wants_a_certificate_says_so_by_an_alert) {
  begin({.peer = {.verifies = true, .maximum_version = TLS1_2_VERSION}});
  expect_handshake_fails(TlsErrc::alert_received);
}

TEST_F(TlsServerCertificates, T1_with_TLS_1_3_the_refusal_comes_after_our_handshake) {
  // Which is over before the server has looked at what we have shown.
  begin({.peer = {.verifies = true}});
  ASSERT_TRUE(reach([this] { return was_made(); }));
  expect_lost(TlsErrc::alert_received);
}

// --- clients that are not who they should be -----------------------------------------------------

class TlsClientCertificates : public TlsServerTest {
 protected:
  static TlsTerms asking(TlsVerify verify, const Certificate* certificate, int version) {
    TlsTerms terms{
        .peer = {.certificate = certificate, .minimum_version = version, .maximum_version = version}};
    terms.ours.verify = verify;
    return terms;
  }
};

TEST_F(TlsClientCertificates, T1_without_one_there_is_no_connection_where_it_is_required) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    begin(asking(TlsVerify::required, nullptr, version));
    const std::exception_ptr failure = handshake_failure();
    EXPECT_EQ(code_of(failure), TlsErrc::nothing_in_common) << text_of(failure);
    ASSERT_TRUE(reach([this] { return peer().wire_has_ended(); }));
    EXPECT_EQ(last_alert(peer()),
              version == TLS1_3_VERSION ? AlertKind::certificate_required : AlertKind::handshake_failure);
  }
}

TEST_F(TlsClientCertificates, T1_a_wrong_one_is_refused_also_where_it_is_optional) {
  for (const TlsVerify verify : {TlsVerify::required, TlsVerify::optional}) {
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
      begin(asking(verify, &testing::strange_certificate(), version));
      const std::exception_ptr failure = handshake_failure();
      EXPECT_EQ(verify_code_of(failure), X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
      ASSERT_TRUE(reach([this] { return peer().wire_has_ended(); }));
      EXPECT_EQ(last_alert(peer()), AlertKind::unknown_ca);
    }
  }
}

TEST_F(TlsClientCertificates, T1_one_that_is_not_for_clients_is_refused) {
  const Certificate certificate = testing::trusted_authority().issue({.purpose = testing::Purpose::server});
  begin(asking(TlsVerify::required, &certificate, TLS1_3_VERSION));
  EXPECT_EQ(verify_code_of(handshake_failure()), X509_V_ERR_INVALID_PURPOSE);
}

TEST_F(TlsClientCertificates, T1_a_right_one_is_accepted_and_none_where_it_is_optional) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    connect(asking(TlsVerify::required, &testing::client_certificate(), version));
    const auto object = tls_object(transport());
    ASSERT_TRUE(object && object->peer_certificate());
    EXPECT_EQ(object->peer_certificate()->subject, "CN=a client");
    connect(asking(TlsVerify::optional, nullptr, version));
    EXPECT_FALSE(tls_object(transport())->peer_certificate());
  }
}

}  // namespace
}  // namespace tidegate::contract
