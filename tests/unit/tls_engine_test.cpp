// Engines of TLS connections against each other, in memory, in pieces of any size.
#include "support/certificates.hpp"
#include "support/tls_engine_pair.hpp"

#include <string>

#include <gtest/gtest.h>

namespace tidegate::tls {
namespace {

using testing::EnginePair;

TEST(TlsEngine_T1, a_handshake_and_an_exchange) {
  TlsOptions server;
  server.cert_chains = {testing::server_certificate().chain()};
  TlsOptions client;
  client.ca_data = testing::trusted_authority().certificate_pem();
  EnginePair pair(TlsContext::client(client), TlsContext::server(server), {.server_hostname = "localhost"});
  ASSERT_TRUE(pair.shake_hands()) << describe(pair.client.engine().failure()) << " / "
                                  << describe(pair.server.engine().failure());
  EXPECT_EQ(pair.client.write("hello"), Engine::Outcome::done);
  pair.exchange();
  EXPECT_EQ(pair.server.heard, "hello");
  EXPECT_EQ(pair.client.engine().version(), "TLSv1.3");
  EXPECT_EQ(pair.client.engine().peer_certificate()->subject, "CN=localhost");
  pair.client.engine().close();
  pair.exchange();
  EXPECT_EQ(pair.server.outcome(), Engine::Outcome::closed);
  EXPECT_TRUE(pair.server.engine().peer_has_closed());
}

TEST(TlsEngine_T1, a_strange_certificate_is_refused) {
  TlsOptions server;
  server.cert_chains = {testing::strange_certificate().chain()};
  TlsOptions client;
  client.ca_data = testing::trusted_authority().certificate_pem();
  EnginePair pair(TlsContext::client(client), TlsContext::server(server), {.server_hostname = "localhost"});
  EXPECT_FALSE(pair.shake_hands());
  EXPECT_EQ(describe(pair.client.engine().failure()),
            "certificate verify failed: unable to get local issuer certificate (depth 0): the peer's "
            "certificate was not accepted");
  EXPECT_EQ(describe(pair.server.engine().failure()),
            "the peer sent the alert 'unknown CA' (48): the peer has ended the connection with an alert");
}

}  // namespace
}  // namespace tidegate::tls
