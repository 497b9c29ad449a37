// The tests' own TLS: an honest end is understood by OpenSSL, and what is forged is what it claims to be.
#include "support/tls_peer.hpp"

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>
#include <sys/socket.h>

namespace tidegate::testing {
namespace {

/// Two of them, on a pair of sockets.
class TlsPeers : public ::testing::Test {
 protected:
  void connect(TlsEndOptions client_terms = {}, TlsEndOptions server_terms = {}) {
    int numbers[2] = {-1, -1};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, numbers), 0);
    server_terms.role = TlsRole::server;
    if (server_terms.certificate == nullptr) server_terms.certificate = &server_certificate();
    client = std::make_unique<TlsPeer>(OwnedFileDescriptor(FileDescriptor{numbers[0]}), client_terms);
    server = std::make_unique<TlsPeer>(OwnedFileDescriptor(FileDescriptor{numbers[1]}), server_terms);
  }

  /// Lets both of them do what they can, turn by turn.
  [[nodiscard]] bool reach(const std::function<bool()>& holds) {
    for (int turns = 0; turns < 100'000 && !holds(); ++turns) {
      client->receive();
      server->receive();
    }
    return holds();
  }
  [[nodiscard]] bool handshake() {
    return reach([this] { return client->handshake_is_over() && server->handshake_is_over(); });
  }

  std::unique_ptr<TlsPeer> client;
  std::unique_ptr<TlsPeer> server;
};

TEST_F(TlsPeers, two_honest_ones_understand_each_other_in_either_version) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    connect({.verifies = true, .minimum_version = version, .maximum_version = version});
    ASSERT_TRUE(handshake()) << client->failure() << server->failure();
    EXPECT_EQ(client->tls().version(), version == TLS1_2_VERSION ? "TLSv1.2" : "TLSv1.3");
    const std::string much(100'000, 'm');
    client->send("a question");
    EXPECT_EQ(server->send_some(much), much.size());
    ASSERT_TRUE(reach([&] { return client->has(much.size()) && server->has(10); }));
    EXPECT_EQ(server->received, "a question");
    EXPECT_EQ(client->received, much);
    client->close();
    ASSERT_TRUE(server->at_end());
    EXPECT_TRUE(server->saw_close_notify());
    EXPECT_EQ(server->failure(), "");
  }
}

TEST_F(TlsPeers, a_limit_leaves_the_rest_for_the_next_time) {
  connect();
  ASSERT_TRUE(handshake());
  client->send(std::string(50'000, 'x'));
  EXPECT_EQ(server->receive(10), 10U);
  EXPECT_EQ(server->received.size(), 10U);
  EXPECT_EQ(server->receive(40'000), 40'000U);
  EXPECT_EQ(server->receive(), 9990U);
}

TEST_F(TlsPeers, an_end_without_close_notify_is_told_apart) {
  connect();
  ASSERT_TRUE(handshake());
  client->end_wire();
  ASSERT_TRUE(server->at_end());
  EXPECT_TRUE(server->saw_eof);
  EXPECT_FALSE(server->saw_close_notify());
}

TEST_F(TlsPeers, a_handshake_goes_byte_by_byte) {
  connect();
  client->send_in_pieces(1);
  server->send_in_pieces(1);
  ASSERT_TRUE(handshake());
  EXPECT_EQ(client->send_some("one"), 3U);
  ASSERT_TRUE(reach([this] { return server->has(3); }));
  EXPECT_EQ(server->received, "one");
}

TEST_F(TlsPeers, forged_records_are_accepted_as_genuine) {
  connect({}, {.session_tickets = 0});
  ASSERT_TRUE(handshake());
  server->send_as_is(server->tls().forge(RecordType::application_data, "forged "));
  server->send_as_is(server->tls().forge(RecordType::application_data, "and padded", 100));
  server->send_as_is(server->tls().forge_key_update(false));
  server->send_as_is(server->tls().forge(RecordType::application_data, " under new keys"));
  client->send_as_is(client->tls().forge(RecordType::application_data, "as a client"));
  ASSERT_TRUE(reach([this] { return client->has(32) && server->has(11); })) << client->failure();
  EXPECT_EQ(client->received, "forged and padded under new keys");
  EXPECT_EQ(server->received, "as a client");
  const std::string farewell = alert(AlertLevel::fatal, AlertKind::internal_error);
  server->send_as_is(server->tls().forge(RecordType::alert, farewell));
  client->receive();
  const Alert expected{AlertLevel::fatal, AlertKind::internal_error};
  ASSERT_EQ(client->tls().alerts_received().size(), 1U);
  EXPECT_EQ(client->tls().alerts_received().front(), expected);
  EXPECT_NE(client->failure(), "");
}

TEST_F(TlsPeers, forged_records_of_tls_1_2_are_accepted_as_genuine) {
  connect({.maximum_version = TLS1_2_VERSION, .ciphers = kForgeableCipher});
  ASSERT_TRUE(handshake());
  server->send_as_is(server->tls().forge_old(RecordType::application_data, "forged "));
  server->send_as_is(server->tls().forge_old(RecordType::application_data, "twice"));
  client->send_as_is(client->tls().forge_old(RecordType::application_data, "as a client"));
  ASSERT_TRUE(reach([this] { return client->has(12) && server->has(11); })) << client->failure();
  EXPECT_EQ(client->received, "forged twice");
  EXPECT_EQ(server->received, "as a client");
}

TEST_F(TlsPeers, what_was_altered_is_refused) {
  connect();
  ASSERT_TRUE(handshake());
  std::string record = client->seal("a promise");
  record.back() = static_cast<char>(record.back() ^ 1);
  client->send_as_is(record);
  server->receive();
  EXPECT_EQ(server->received, "");
  const Alert expected{AlertLevel::fatal, AlertKind::bad_record_mac};
  ASSERT_EQ(server->tls().alerts_sent().size(), 1U) << server->failure();
  EXPECT_EQ(server->tls().alerts_sent().front(), expected);
}

TEST_F(TlsPeers, keys_are_updated_and_asked_for) {
  connect();
  ASSERT_TRUE(handshake());
  for (int times = 0; times < 3; ++times) client->update_keys(true);
  client->send("after it");
  ASSERT_TRUE(reach([this] { return server->has(8); })) << server->failure();
  server->send("answered");
  ASSERT_TRUE(reach([this] { return client->has(8); })) << client->failure();
}

TEST_F(TlsPeers, either_end_of_tls_1_2_can_begin_another_handshake) {
  for (const bool by_client : {true, false}) {
    connect({.maximum_version = TLS1_2_VERSION});
    ASSERT_TRUE(handshake());
    (by_client ? client : server)->renegotiate();
    ASSERT_TRUE(reach([this] { return server->tls().handshakes_made() == 2; })) << server->failure();
    ASSERT_TRUE(handshake()) << client->failure() << server->failure();
    client->send("again");
    ASSERT_TRUE(reach([this] { return server->has(5); })) << server->failure();
  }
}

TEST_F(TlsPeers, a_certificate_that_is_no_good_is_refused_by_either) {
  connect({.verifies = true}, {.certificate = &strange_certificate()});
  ASSERT_TRUE(reach([this] { return !client->failure().empty(); }));
  const Alert expected{AlertLevel::fatal, AlertKind::unknown_ca};
  ASSERT_TRUE(reach([this] { return !server->tls().alerts_received().empty(); }));
  EXPECT_EQ(server->tls().alerts_received().front(), expected);

  connect({}, {.verifies = true});
  ASSERT_TRUE(reach([this] { return !client->tls().alerts_received().empty(); }));
  const Alert required{AlertLevel::fatal, AlertKind::certificate_required};
  EXPECT_EQ(client->tls().alerts_received().front(), required);

  connect({.certificate = &client_certificate()}, {.verifies = true});
  ASSERT_TRUE(handshake()) << server->failure();
  EXPECT_TRUE(server->tls().peer_has_shown_a_certificate());
}

TEST_F(TlsPeers, names_and_protocols_are_agreed_on) {
  connect({.server_name = "one.example", .alpn_protocols = {"h2", "http/1.1"}},
          {.alpn_protocols = {"http/1.1"}});
  ASSERT_TRUE(handshake());
  EXPECT_EQ(server->tls().requested_name(), "one.example");
  EXPECT_EQ(client->tls().selected_alpn_protocol(), "http/1.1");
}

}  // namespace
}  // namespace tidegate::testing
