// Engines of TLS connections against each other, in memory: handshakes, records and ends, in pieces of any
// size.
#include "support/certificates.hpp"
#include "support/tls_engine_pair.hpp"

#include <new>
#include <string>
#include <tuple>
#include <utility>

#include <gtest/gtest.h>

namespace tidegate::tls {
namespace {

using testing::client_options;
using testing::EnginePair;
using testing::only;
using testing::server_options;

using Outcome = Engine::Outcome;

/// Text that shows when a part of it is missing, repeated or out of place.
std::string long_text(std::size_t size) {
  std::string text;
  text.reserve(size + 16);
  for (std::size_t number = 0; text.size() < size; ++number) text += std::to_string(number) + ' ';
  text.resize(size);
  return text;
}

std::string what_failed(const EnginePair& pair) {
  return "client: " + describe(pair.client.engine().failure()) +
         "; server: " + describe(pair.server.engine().failure());
}

// --- in either version, in pieces of any size --------------------------------------------------------------

struct Shape {
  const char* name;
  TlsVersion version;
  std::size_t piece_bytes;
  std::size_t read_bytes;
};

class TlsEngineShapes : public ::testing::TestWithParam<Shape> {
 protected:
  TlsEngineShapes()
      : pair(only(GetParam().version, client_options()), only(GetParam().version, server_options())) {
    pair.piece_bytes = GetParam().piece_bytes;
    pair.client.read_bytes = GetParam().read_bytes;
    pair.server.read_bytes = GetParam().read_bytes;
  }

  EnginePair pair;
};

TEST_P(TlsEngineShapes, a_handshake_and_an_exchange_both_ways_T1_R1_W1) {
  EXPECT_FALSE(pair.client.engine().handshake_is_over());
  ASSERT_TRUE(pair.shake_hands()) << what_failed(pair);
  EXPECT_EQ(pair.server.outcome(), Outcome::wants_input);

  const std::string question = long_text(70'000);
  const std::string answer = long_text(33'000);
  EXPECT_EQ(pair.client.write(question), Outcome::done);
  EXPECT_EQ(pair.server.write(answer), Outcome::done);
  EXPECT_EQ(pair.server.write("and more"), Outcome::done);
  pair.exchange();
  EXPECT_EQ(pair.server.heard, question);
  EXPECT_EQ(pair.client.heard, answer + "and more");
}

TEST_P(TlsEngineShapes, a_close_notify_ends_one_direction_T3) {
  ASSERT_TRUE(pair.shake_hands()) << what_failed(pair);
  EXPECT_EQ(pair.client.write("the last"), Outcome::done);
  pair.client.engine().close();
  pair.exchange();
  EXPECT_EQ(pair.server.heard, "the last");
  EXPECT_EQ(pair.server.outcome(), Outcome::closed);
  EXPECT_TRUE(pair.server.engine().peer_has_closed());
  EXPECT_FALSE(pair.client.engine().peer_has_closed());

  // The other one goes on, until it is closed as well.
  EXPECT_EQ(pair.server.write(long_text(40'000)), Outcome::done);
  pair.server.engine().close();
  pair.exchange();
  EXPECT_EQ(pair.client.heard, long_text(40'000));
  EXPECT_EQ(pair.client.outcome(), Outcome::closed);
  EXPECT_EQ(pair.client.engine().failure(), nullptr);
  EXPECT_EQ(pair.server.engine().failure(), nullptr);
}

INSTANTIATE_TEST_SUITE_P(, TlsEngineShapes,
                         ::testing::Values(Shape{"tls_1_3", TlsVersion::tls_1_3, 1U << 20U, 65536},
                                           Shape{"tls_1_3_byte_by_byte", TlsVersion::tls_1_3, 1, 65536},
                                           Shape{"tls_1_3_in_odd_pieces", TlsVersion::tls_1_3, 1461, 777},
                                           Shape{"tls_1_3_read_byte_by_byte", TlsVersion::tls_1_3, 1U << 20U,
                                                 1},
                                           Shape{"tls_1_2", TlsVersion::tls_1_2, 1U << 20U, 65536},
                                           Shape{"tls_1_2_byte_by_byte", TlsVersion::tls_1_2, 1, 65536},
                                           Shape{"tls_1_2_in_odd_pieces", TlsVersion::tls_1_2, 1461, 777}),
                         [](const auto& info) { return std::string(info.param.name); });

// --- reading -----------------------------------------------------------------------------------------------

class TlsEngine_T4 : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(pair.shake_hands()) << what_failed(pair); }

  Engine& server() { return pair.server.engine(); }

  EnginePair pair;
};

TEST_F(TlsEngine_T4, a_read_takes_many_records_and_leaves_the_rest_of_the_last) {
  for (int count = 0; count < 10; ++count) (void)pair.client.write("0123456789");
  const std::string ciphertext = std::exchange(pair.client.said, {});
  std::string memory(95, ' ');
  server().feed(ciphertext);
  EXPECT_FALSE(server().holds_plaintext());
  const auto result = server().read(memory);
  EXPECT_EQ(result.outcome, Outcome::done);
  EXPECT_EQ(result.size_bytes, 95U);
  EXPECT_EQ(server().input_left(), 0U);
  EXPECT_TRUE(server().holds_plaintext());
  EXPECT_EQ(server().read(memory).size_bytes, 5U);
  EXPECT_FALSE(server().holds_plaintext());
  EXPECT_EQ(server().read(memory).outcome, Outcome::wants_input);
}

TEST_F(TlsEngine_T4, what_is_not_read_stays_in_the_memory_that_was_lent) {
  (void)pair.client.write("first");
  const std::size_t first_bytes = pair.client.said.size();
  (void)pair.client.write("second");
  const std::string ciphertext = std::exchange(pair.client.said, {});
  std::string memory(5, ' ');
  server().feed(ciphertext);
  ASSERT_EQ(server().read(memory).size_bytes, 5U);
  EXPECT_EQ(server().input_left(), ciphertext.size() - first_bytes);

  // Moved elsewhere, and fed again.
  const std::string rest = server().take_rest().to_string();
  EXPECT_EQ(rest, ciphertext.substr(first_bytes));
  EXPECT_EQ(server().input_left(), 0U);
  pair.server.take(rest);
  EXPECT_EQ(pair.server.heard, "second");
}

TEST_F(TlsEngine_T4, an_end_behind_plaintext_is_told_after_it) {
  (void)pair.client.write("the last");
  pair.client.engine().close();
  const std::string ciphertext = std::exchange(pair.client.said, {});
  std::string memory(1000, ' ');
  server().feed(ciphertext);
  ASSERT_EQ(server().read(memory).size_bytes, 8U);
  EXPECT_TRUE(server().holds_plaintext());
  EXPECT_EQ(server().read(memory).outcome, Outcome::closed);
  EXPECT_FALSE(server().holds_plaintext());
  EXPECT_EQ(server().read(memory).outcome, Outcome::closed);
}

TEST_F(TlsEngine_T4, a_failure_behind_plaintext_is_told_after_it) {
  (void)pair.client.write("the last");
  const std::string ciphertext = std::exchange(pair.client.said, {}) + "garbage";
  std::string memory(1000, ' ');
  server().feed(ciphertext);
  ASSERT_EQ(server().read(memory).size_bytes, 8U);
  EXPECT_TRUE(server().holds_plaintext());
  EXPECT_EQ(server().read(memory).outcome, Outcome::failed);
  EXPECT_FALSE(server().holds_plaintext());
}

// --- writing -----------------------------------------------------------------------------------------------

TEST(TlsEngine_W1, a_large_write_is_cut_into_records_as_large_as_can_be) {
  EnginePair pair;
  ASSERT_TRUE(pair.shake_hands());
  EXPECT_EQ(pair.client.write(std::string(4 * 16384, 'x')), Outcome::done);
  constexpr std::size_t kOverhead = 5 + 1 + 16;  // the header, the kind of the content, and the tag
  EXPECT_EQ(pair.client.said.size(), 4 * (16384 + kOverhead));
}

TEST(TlsEngine_W1, nothing_is_written_for_nothing) {
  EnginePair pair;
  ASSERT_TRUE(pair.shake_hands());
  EXPECT_EQ(pair.client.write(""), Outcome::done);
  EXPECT_EQ(pair.client.said, "");
}

TEST(TlsEngine, a_sink_that_throws_fails_the_connection_with_what_it_threw) {
  EnginePair pair;
  ASSERT_TRUE(pair.shake_hands());
  pair.client.sink_failure = std::make_exception_ptr(std::bad_alloc());
  EXPECT_EQ(pair.client.write("x"), Outcome::failed);
  EXPECT_THROW(std::rethrow_exception(pair.client.engine().failure()), std::bad_alloc);

  // And so does everything else, without another attempt.
  pair.client.sink_failure = nullptr;
  std::string memory(10, ' ');
  EXPECT_EQ(pair.client.write("x"), Outcome::failed);
  EXPECT_EQ(pair.client.engine().read(memory).outcome, Outcome::failed);
  EXPECT_EQ(pair.client.engine().handshake(), Outcome::failed);
  pair.client.engine().close();
  EXPECT_EQ(pair.client.said, "");
}

TEST(TlsEngine, a_sink_that_throws_in_the_handshake_fails_that) {
  EnginePair pair;
  pair.client.sink_failure = std::make_exception_ptr(std::bad_alloc());
  EXPECT_FALSE(pair.shake_hands());
  EXPECT_EQ(pair.client.outcome(), Outcome::failed);
  EXPECT_THROW(std::rethrow_exception(pair.client.engine().failure()), std::bad_alloc);
}

// --- ends --------------------------------------------------------------------------------------------------

TEST(TlsEngine_T3, a_close_notify_is_said_once) {
  EnginePair pair;
  ASSERT_TRUE(pair.shake_hands());
  pair.client.engine().close();
  const std::size_t said = pair.client.said.size();
  EXPECT_GT(said, 0U);
  pair.client.engine().close();
  EXPECT_EQ(pair.client.said.size(), said);
}

TEST(TlsEngine_T3, closing_in_a_handshake_says_nothing) {
  EnginePair pair;
  pair.client.engine().close();
  EXPECT_EQ(pair.client.said, "");
  pair.client.go_on();
  pair.client.said.clear();
  pair.client.engine().close();
  EXPECT_EQ(pair.client.said, "");
  EXPECT_EQ(pair.client.engine().failure(), nullptr);
}

TEST(TlsEngine_T8, both_may_close_at_once) {
  EnginePair pair;
  ASSERT_TRUE(pair.shake_hands());
  pair.client.engine().close();
  pair.server.engine().close();
  pair.exchange();
  EXPECT_EQ(pair.client.outcome(), Outcome::closed);
  EXPECT_EQ(pair.server.outcome(), Outcome::closed);
}

// --- what is agreed on -------------------------------------------------------------------------------------

TEST(TlsEngineAlpn, the_first_of_the_server_that_the_client_has_too) {
  TlsOptions client = client_options();
  TlsOptions server = server_options();
  client.alpn_protocols = {"http/1.1", "h2"};
  server.alpn_protocols = {"h3", "h2", "http/1.1"};
  EnginePair pair(client, server);
  ASSERT_TRUE(pair.shake_hands()) << what_failed(pair);
  EXPECT_EQ(pair.client.engine().selected_alpn_protocol(), "h2");
  EXPECT_EQ(pair.server.engine().selected_alpn_protocol(), "h2");
}

TEST(TlsEngineAlpn, none_in_common_is_no_failure) {
  TlsOptions client = client_options();
  TlsOptions server = server_options();
  client.alpn_protocols = {"a"};
  server.alpn_protocols = {"b"};
  EnginePair pair(client, server);
  ASSERT_TRUE(pair.shake_hands()) << what_failed(pair);
  EXPECT_EQ(pair.client.engine().selected_alpn_protocol(), "");
  EXPECT_EQ(pair.server.engine().selected_alpn_protocol(), "");
}

TEST(TlsEngineVersions, the_latest_that_both_have) {
  EnginePair pair(only(TlsVersion::tls_1_2, client_options()), server_options());
  ASSERT_TRUE(pair.shake_hands()) << what_failed(pair);
  EXPECT_EQ(pair.client.engine().version(), "TLSv1.2");
  EXPECT_EQ(pair.server.engine().version(), "TLSv1.2");
}

TEST(TlsEngineVersions, none_in_common_fails_with_that_on_both_ends) {
  EnginePair pair(only(TlsVersion::tls_1_2, client_options()), only(TlsVersion::tls_1_3, server_options()));
  EXPECT_FALSE(pair.shake_hands());
  EXPECT_EQ(Error(pair.server.engine().failure()).code(), TlsErrc::nothing_in_common);
  EXPECT_EQ(Error(pair.client.engine().failure()).code(), TlsErrc::alert_received);
  EXPECT_NE(describe(pair.client.engine().failure()).find("'protocol version' (70)"), std::string::npos)
      << what_failed(pair);
}

TEST(TlsEngineCiphers, are_those_of_the_list) {
  TlsOptions client = only(TlsVersion::tls_1_2, client_options());
  client.ciphers = "ECDHE-ECDSA-CHACHA20-POLY1305";
  EnginePair pair(client);
  EXPECT_EQ(pair.client.engine().cipher(), std::nullopt);
  EXPECT_EQ(pair.client.engine().version(), "");
  ASSERT_TRUE(pair.shake_hands()) << what_failed(pair);
  const auto cipher = pair.server.engine().cipher();
  ASSERT_TRUE(cipher.has_value());
  EXPECT_EQ(cipher->name, "ECDHE-ECDSA-CHACHA20-POLY1305");
  EXPECT_EQ(cipher->protocol, "TLSv1.2");
  EXPECT_EQ(cipher->secret_bits, 256);
}

TEST(TlsEngineCiphers, are_those_of_the_list_in_tls_1_3) {
  TlsOptions server = server_options();
  server.ciphersuites = "TLS_AES_128_GCM_SHA256";
  EnginePair pair(client_options(), server);
  ASSERT_TRUE(pair.shake_hands()) << what_failed(pair);
  EXPECT_EQ(pair.client.engine().cipher()->name, "TLS_AES_128_GCM_SHA256");
  EXPECT_EQ(pair.client.engine().cipher()->secret_bits, 128);
}

TEST(TlsEngineCiphers, none_in_common_fails_with_that) {
  TlsOptions client = client_options();
  TlsOptions server = server_options();
  client.ciphersuites = "TLS_AES_128_GCM_SHA256";
  server.ciphersuites = "TLS_AES_256_GCM_SHA384";
  EnginePair pair(only(TlsVersion::tls_1_3, client), only(TlsVersion::tls_1_3, server));
  EXPECT_FALSE(pair.shake_hands());
  EXPECT_EQ(Error(pair.server.engine().failure()).code(), TlsErrc::nothing_in_common);
}

TEST(TlsEngineCiphers, a_certificate_of_each_kind_is_shown_to_who_understands_it) {
  TlsOptions server = server_options();
  server.cert_chains.push_back(testing::rsa_server_certificate().chain());
  for (const auto& [cipher, serial] :
       {std::pair("ECDHE-RSA-AES128-GCM-SHA256", &testing::rsa_server_certificate()),
        std::pair("ECDHE-ECDSA-AES128-GCM-SHA256", &testing::server_certificate())}) {
    TlsOptions client = only(TlsVersion::tls_1_2, client_options());
    client.ciphers = cipher;
    EnginePair pair(client, server);
    EXPECT_TRUE(pair.shake_hands()) << what_failed(pair);
  }
}

}  // namespace
}  // namespace tidegate::tls
