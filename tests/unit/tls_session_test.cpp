// Coming back without a full handshake, and who may (session resumption).
#include "support/certificates.hpp"
#include "support/tls_engine_pair.hpp"

#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

namespace tidegate::tls {
namespace {

using testing::client_options;
using testing::EnginePair;
using testing::only;
using testing::server_options;

class TlsSessions : public ::testing::TestWithParam<TlsVersion> {
 protected:
  void use(const TlsOptions& client, const TlsOptions& server) {
    client_context = TlsContext::client(only(GetParam(), client));
    server_context = TlsContext::server(only(GetParam(), server));
  }

  /// Connects once, with `session`, and returns what the connection leaves behind.
  TlsSession connect(const TlsSession& session = {}) {
    EnginePair pair(client_context, server_context, {.server_hostname = "localhost", .session = session});
    EXPECT_FALSE(pair.client.engine().session());
    EXPECT_TRUE(pair.shake_hands()) << describe(pair.client.engine().failure());
    EXPECT_EQ(pair.client.write("x"), Engine::Outcome::done);
    pair.exchange();
    EXPECT_EQ(pair.server.heard, "x");
    reused = pair.client.engine().session_reused();
    EXPECT_EQ(pair.server.engine().session_reused(), reused);
    EXPECT_FALSE(pair.server.engine().session()) << "sessions are for clients";
    const auto shown = pair.server.engine().peer_certificate();
    client_subject = shown.has_value() ? shown->subject : "";
    return pair.client.engine().session();
  }

  TlsContext client_context;
  TlsContext server_context;
  bool reused = false;
  std::string client_subject;
};

TEST_P(TlsSessions, are_resumed_again_and_again) {
  use(client_options(), server_options());
  TlsSession session = connect();
  EXPECT_FALSE(reused);
  ASSERT_TRUE(session);
  for (int times = 0; times < 3; ++times) {
    session = connect(session);
    EXPECT_TRUE(reused);
    ASSERT_TRUE(session);
  }
}

TEST_P(TlsSessions, outlive_a_connection_that_was_cut) {
  use(client_options(), server_options());
  const TlsSession session = connect();  // never closed
  connect(session);
  EXPECT_TRUE(reused);
  connect(session);
  EXPECT_TRUE(reused) << "using it changes nothing";
}

TEST_P(TlsSessions, remember_the_certificates_of_both_ends) {
  TlsOptions client = client_options();
  client.cert_chains = {testing::client_certificate().chain()};
  TlsOptions server = server_options();
  server.verify = TlsVerify::required;
  server.ca_data = testing::trusted_authority().certificate_pem();
  use(client, server);
  const TlsSession session = connect();
  EXPECT_EQ(client_subject, "CN=a client");
  connect(session);
  EXPECT_TRUE(reused);
  EXPECT_EQ(client_subject, "CN=a client");
}

TEST_P(TlsSessions, are_not_given_out_where_no_tickets_are_wanted) {
  TlsOptions server = server_options();
  server.session_tickets = 0;
  use(client_options(), server);
  EXPECT_FALSE(connect());
}

TEST_P(TlsSessions, of_another_server_context_end_in_a_full_handshake) {
  use(client_options(), server_options());
  const TlsSession session = connect();
  ASSERT_TRUE(session);
  server_context = TlsContext::server(only(GetParam(), server_options()));
  connect(session);
  EXPECT_FALSE(reused);
}

TEST_P(TlsSessions, are_for_the_context_and_the_server_that_they_began_with) {
  use(client_options(), server_options());
  const TlsSession session = connect();
  const TlsContext other = TlsContext::client(only(GetParam(), client_options()));
  EXPECT_THROW(EnginePair(other, server_context, {.server_hostname = "localhost", .session = session}),
               std::invalid_argument);
  EXPECT_THROW(EnginePair(client_context, server_context, {.server_hostname = "::1", .session = session}),
               std::invalid_argument);
}

INSTANTIATE_TEST_SUITE_P(, TlsSessions, ::testing::Values(TlsVersion::tls_1_2, TlsVersion::tls_1_3),
                         [](const auto& info) {
                           return std::string(info.param == TlsVersion::tls_1_2 ? "tls_1_2" : "tls_1_3");
                         });

TEST(TlsSessionTickets, are_as_many_as_were_wished_for) {
  std::size_t bytes_without = 0;
  for (const std::size_t tickets : {0U, 1U, 4U}) {
    TlsOptions server = only(TlsVersion::tls_1_3, server_options());
    server.session_tickets = tickets;
    EnginePair pair(client_options(), server);
    pair.client.go_on();
    pair.server.take(std::exchange(pair.client.said, {}));
    pair.client.take(std::exchange(pair.server.said, {}));
    pair.server.take(std::exchange(pair.client.said, {}));
    ASSERT_TRUE(pair.server.engine().handshake_is_over());
    // All that a server says after its handshake are the tickets, one record each.
    std::size_t records = 0;
    for (std::size_t at = 0; at < pair.server.said.size(); ++records) {
      const std::size_t high = static_cast<unsigned char>(pair.server.said.at(at + 3));
      const std::size_t low = static_cast<unsigned char>(pair.server.said.at(at + 4));
      at += 5 + (high << 8U) + low;
    }
    EXPECT_EQ(records, tickets);
    bytes_without = tickets == 0 ? pair.server.said.size() : bytes_without;
  }
  EXPECT_EQ(bytes_without, 0U);
}

}  // namespace
}  // namespace tidegate::tls
