// Engines against peers that do not keep to TLS: the right failure, the right alert, and memory that stays
// bounded (contract T7).
#include "support/certificates.hpp"
#include "support/tls_end.hpp"
#include "support/tls_engine_pair.hpp"
#include "support/tls_records.hpp"

#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tidegate::tls {
namespace {

using testing::AlertKind;
using testing::AlertLevel;
using testing::client_options;
using testing::EngineEnd;
using testing::EnginePair;
using ::testing::HasSubstr;
using testing::plain_record;
using testing::RecordType;
using testing::server_options;
using testing::TlsEnd;
using testing::TlsEndOptions;
using testing::TlsRole;

using Outcome = Engine::Outcome;

TlsEndOptions as_client(int version = TLS1_3_VERSION) {
  return {.role = TlsRole::client, .minimum_version = version, .maximum_version = version};
}

TlsEndOptions as_server(int version = TLS1_3_VERSION) {
  return {.role = TlsRole::server,
          .certificate = &testing::server_certificate(),
          .minimum_version = version,
          .maximum_version = version,
          .session_tickets = 0};
}

/// Puts `other` in the place of the last record of `said`; returns how long that was.
std::size_t replace_last_record(std::string& said, const std::string& other) {
  constexpr std::size_t kHeaderBytes = 5;
  std::size_t last = 0;
  for (std::size_t next = 0; next + kHeaderBytes <= said.size();) {
    last = next;
    const auto high = static_cast<unsigned char>(said[next + 3]);
    const auto low = static_cast<unsigned char>(said[next + 4]);
    next += kHeaderBytes + std::size_t{high} * 256 + low;
  }
  const std::size_t size = said.size() - last;
  said.replace(last, size, other);
  return size;
}

/// An engine and a peer that can be told to misbehave.
class TlsViolations_T7 : public ::testing::Test {
 protected:
  /// The peer is what `options` say, the engine is the other.
  void shake_hands(const TlsEndOptions& options) {
    peer = std::make_unique<TlsEnd>(options);
    const bool is_server = options.role == TlsRole::client;
    end = std::make_unique<EngineEnd>(
        is_server ? TlsContext::server(server_options()) : TlsContext::client(client_options()),
        EngineTerms{.server_hostname = "localhost"});
    end->go_on();
    for (int turns = 0; turns < 6; ++turns) exchange();
    ASSERT_TRUE(end->engine().handshake_is_over()) << describe(end->engine().failure());
    ASSERT_TRUE(peer->handshake_is_over()) << peer->failure();
  }

  void exchange() {
    peer->take(std::exchange(end->said, {}));
    (void)peer->read(peer_heard, 1U << 20U);
    end->take(peer->give());
  }

  [[nodiscard]] std::error_code code() const { return Error(end->engine().failure()).code(); }
  [[nodiscard]] std::string text() const { return describe(end->engine().failure()); }

  std::unique_ptr<TlsEnd> peer;
  std::unique_ptr<EngineEnd> end;
  std::string peer_heard;
};

// --- before and in the handshake
// -----------------------------------------------------------------------------

TEST_F(TlsViolations_T7, what_is_no_tls_at_all_fails_the_handshake) {
  for (const std::string& garbage :
       {std::string("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), std::string(1000, '\0'), std::string(1000, '\xff'),
        std::string("SSH-2.0-OpenSSH_9.2\r\n")}) {
    EngineEnd server(TlsContext::server(server_options()), {});
    server.take(garbage);
    EXPECT_EQ(server.outcome(), Outcome::failed);
    EXPECT_EQ(Error(server.engine().failure()).code(), TlsErrc::protocol_violation);

    EngineEnd client(TlsContext::client(client_options()), {.server_hostname = "localhost"});
    client.go_on();
    client.take(garbage);
    EXPECT_EQ(client.outcome(), Outcome::failed);
    EXPECT_EQ(Error(client.engine().failure()).code(), TlsErrc::protocol_violation);
  }
}

TEST_F(TlsViolations_T7, everything_fails_the_same_way_after_a_failure) {
  EngineEnd server(TlsContext::server(server_options()), {});
  server.take("GET / HTTP/1.1\r\n\r\n");
  const std::exception_ptr failure = server.engine().failure();
  server.said.clear();
  server.take("more");
  EXPECT_EQ(server.outcome(), Outcome::failed);
  EXPECT_EQ(server.engine().failure(), failure);
  server.engine().close();
  EXPECT_EQ(server.said, "");
}

TEST_F(TlsViolations_T7, a_close_notify_in_the_handshake_fails_it) {
  EnginePair pair;
  pair.client.go_on();
  pair.server.take(pair.client.said);
  pair.server.take(plain_record(RecordType::alert, alert(AlertLevel::warning, AlertKind::close_notify)));
  EXPECT_EQ(pair.server.outcome(), Outcome::failed);
  EXPECT_EQ(Error(pair.server.engine().failure()).code(), TlsErrc::truncated);
}

TEST_F(TlsViolations_T7, a_fatal_alert_in_the_handshake_is_named) {
  EnginePair pair;
  pair.client.go_on();
  pair.client.take(plain_record(RecordType::alert, alert(AlertLevel::fatal, AlertKind::handshake_failure)));
  EXPECT_EQ(pair.client.outcome(), Outcome::failed);
  EXPECT_EQ(Error(pair.client.engine().failure()).code(), TlsErrc::alert_received);
  EXPECT_THAT(describe(pair.client.engine().failure()), HasSubstr("'handshake failure' (40)"));
}

TEST_F(TlsViolations_T7, a_record_longer_than_allowed_fails_before_it_is_there) {
  EngineEnd server(TlsContext::server(server_options()), {});
  server.take(BytesView(plain_record(RecordType::handshake, std::string(20'000, 'x'))).first(5));
  EXPECT_EQ(server.outcome(), Outcome::failed);
  EXPECT_EQ(Error(server.engine().failure()).code(), TlsErrc::protocol_violation);
}

TEST_F(TlsViolations_T7, a_client_hello_without_end_is_given_up) {
  // 16 MiB are announced; what counts is how much of that is taken.
  EngineEnd server(TlsContext::server(server_options()), {});
  server.take(plain_record(RecordType::handshake, std::string("\x01\xff\xff\xff", 4)));
  std::size_t taken = 0;
  while (server.outcome() == Outcome::wants_input && taken < (1U << 20U)) {
    server.take(plain_record(RecordType::handshake, std::string(16000, 'x')));
    taken += 16000;
  }
  EXPECT_EQ(server.outcome(), Outcome::failed);
  EXPECT_LE(taken, 150'000U);
}

TEST_F(TlsViolations_T7, a_record_too_short_to_be_decrypted_is_the_peers_doing) {
  // Found by fuzzing: in the last message of the handshake, OpenSSL's word for it is "internal error".
  const TlsOptions options = testing::only(TlsVersion::tls_1_2, client_options());
  const std::string too_short = plain_record(RecordType::handshake, "x");

  EnginePair cut_for_server(options);
  cut_for_server.client.go_on();
  cut_for_server.server.take(std::exchange(cut_for_server.client.said, {}));
  cut_for_server.client.take(std::exchange(cut_for_server.server.said, {}));
  EXPECT_EQ(replace_last_record(cut_for_server.client.said, too_short), 45U);
  cut_for_server.server.take(cut_for_server.client.said);
  EXPECT_EQ(Error(cut_for_server.server.engine().failure()).code(), TlsErrc::protocol_violation)
      << describe(cut_for_server.server.engine().failure());

  EnginePair cut_for_client(options);
  cut_for_client.client.go_on();
  cut_for_client.server.take(std::exchange(cut_for_client.client.said, {}));
  cut_for_client.client.take(std::exchange(cut_for_client.server.said, {}));
  cut_for_client.server.take(std::exchange(cut_for_client.client.said, {}));
  EXPECT_EQ(replace_last_record(cut_for_client.server.said, too_short), 45U);
  cut_for_client.client.take(cut_for_client.server.said);
  EXPECT_EQ(Error(cut_for_client.client.engine().failure()).code(), TlsErrc::protocol_violation)
      << describe(cut_for_client.client.engine().failure());

  EnginePair afterwards(options);
  ASSERT_TRUE(afterwards.shake_hands());
  afterwards.server.take(plain_record(RecordType::application_data, "x"));
  EXPECT_EQ(Error(afterwards.server.engine().failure()).code(), TlsErrc::protocol_violation);
}

// --- afterwards
// ----------------------------------------------------------------------------------------------

TEST_F(TlsViolations_T7, one_changed_bit_is_noticed) {
  for (const TlsVersion version : {TlsVersion::tls_1_2, TlsVersion::tls_1_3}) {
    EnginePair pair(testing::only(version, client_options()));
    ASSERT_TRUE(pair.shake_hands());
    ASSERT_EQ(pair.client.write("a message"), Outcome::done);
    pair.client.said.back() = static_cast<char>(pair.client.said.back() ^ 1);
    pair.exchange();
    EXPECT_EQ(pair.server.heard, "");
    EXPECT_EQ(Error(pair.server.engine().failure()).code(), TlsErrc::protocol_violation);
    EXPECT_THAT(describe(pair.server.engine().failure()), HasSubstr("bad record mac"));
    EXPECT_THAT(describe(pair.client.engine().failure()), HasSubstr("'bad record mac' (20)"));
  }
}

TEST_F(TlsViolations_T7, a_record_that_is_repeated_or_left_out_is_noticed) {
  EnginePair pair;
  ASSERT_TRUE(pair.shake_hands());
  ASSERT_EQ(pair.client.write("first"), Outcome::done);
  const std::string first = std::exchange(pair.client.said, {});
  pair.server.take(first);
  pair.server.take(first);
  EXPECT_EQ(pair.server.heard, "first");
  EXPECT_EQ(Error(pair.server.engine().failure()).code(), TlsErrc::protocol_violation);
}

TEST_F(TlsViolations_T7, plaintext_is_never_taken_for_what_is_protected) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    shake_hands(as_client(version));
    end->take(plain_record(RecordType::application_data, "let me in"));
    EXPECT_EQ(end->heard, "");
    EXPECT_EQ(code(), TlsErrc::protocol_violation) << text();
  }
}

TEST_F(TlsViolations_T7, a_fatal_alert_is_named_and_is_no_close_notify) {
  shake_hands(as_client());
  end->take(peer->forge(RecordType::alert, alert(AlertLevel::fatal, AlertKind::internal_error)));
  EXPECT_EQ(end->outcome(), Outcome::failed);
  EXPECT_FALSE(end->engine().peer_has_closed());
  EXPECT_EQ(code(), TlsErrc::alert_received);
  EXPECT_THAT(text(), HasSubstr("'internal error' (80)"));
}

TEST_F(TlsViolations_T7, a_close_notify_of_tls_1_3_is_one_whatever_its_level) {
  // Found by fuzzing: behind a warning, OpenSSL does not say so.
  shake_hands(as_client());
  end->take(peer->forge(RecordType::alert, alert(AlertLevel::warning, AlertKind::user_canceled)));
  end->take(peer->forge(RecordType::alert, alert(AlertLevel::fatal, AlertKind::close_notify)));
  EXPECT_EQ(end->outcome(), Outcome::closed) << text();
  EXPECT_TRUE(end->engine().peer_has_closed());
}

TEST_F(TlsViolations_T7, records_of_nothing_do_not_go_on_for_ever) {
  shake_hands(as_client());
  for (int count = 0; count < 100 && end->outcome() != Outcome::failed; ++count) {
    end->take(peer->forge(RecordType::application_data, ""));
  }
  EXPECT_EQ(code(), TlsErrc::protocol_violation);
}

TEST_F(TlsViolations_T7, warnings_do_not_go_on_for_ever) {
  shake_hands(as_client());
  for (int count = 0; count < 100 && end->outcome() != Outcome::failed; ++count) {
    end->take(peer->forge(RecordType::alert, alert(AlertLevel::warning, AlertKind::user_canceled)));
  }
  EXPECT_EQ(code(), TlsErrc::protocol_violation);
}

TEST_F(TlsViolations_T7, key_updates_may_go_on_where_both_ends_write) {
  shake_hands(as_client());
  for (int count = 0; count < 5'000; ++count) {
    end->take(peer->forge_key_update(true));
    end->take(peer->forge(RecordType::application_data, "x"));
    ASSERT_EQ(end->write("y"), Outcome::done);
  }
  EXPECT_EQ(end->heard.size(), 5'000U);
}

TEST_F(TlsViolations_T7, keys_change_both_ways_in_the_middle_of_an_exchange) {
  shake_hands(as_client());
  for (int times = 0; times < 3; ++times) {
    peer->update_keys(true);
    peer->write("question");
    exchange();
    EXPECT_EQ(end->write("answer"), Outcome::done);
    exchange();
  }
  EXPECT_EQ(end->heard, "questionquestionquestion");
  EXPECT_EQ(peer_heard, "answeransweranswer");
}

TEST_F(TlsViolations_T7, keys_may_change_before_a_close) {
  shake_hands(as_client());
  peer->update_keys(true);
  end->take(peer->give());
  end->engine().close();
  exchange();
  EXPECT_TRUE(peer->saw_close_notify()) << peer->failure();
  EXPECT_EQ(end->engine().failure(), nullptr) << text();

  // And after it: there is nobody left who would have to answer.
  peer->update_keys(true);
  peer->write("still reading?");
  exchange();
  EXPECT_EQ(end->heard, "still reading?");
}

TEST_F(TlsViolations_T7, a_renegotiation_is_refused_and_the_connection_goes_on) {
  for (const TlsEndOptions& options : {as_client(TLS1_2_VERSION), as_server(TLS1_2_VERSION)}) {
    shake_hands(options);
    peer->renegotiate();
    exchange();
    EXPECT_EQ(end->engine().failure(), nullptr) << text();
    peer->take(std::exchange(end->said, {}));
    (void)peer->read(peer_heard, 1000);
    EXPECT_EQ(end->write("x"), Outcome::done);
    EXPECT_THAT(peer->alerts_received(),
                ::testing::Contains(testing::Alert{AlertLevel::warning, AlertKind::no_renegotiation}));
  }
}

TEST_F(TlsViolations_T7, a_peer_that_insists_on_renegotiating_is_given_up) {
  shake_hands(as_server(TLS1_2_VERSION));
  std::size_t said = 0;
  for (int count = 0; count < 1000 && end->outcome() != Outcome::failed; ++count) {
    peer->renegotiate();
    end->take(peer->give());
    said = end->said.size();
  }
  EXPECT_EQ(code(), TlsErrc::protocol_violation);
  EXPECT_THAT(text(), HasSubstr("renegotiation"));
  EXPECT_LE(said, 2000U);
}

// --- a message of the connection's own in two records
// ----------------------------------------------------------

TEST_F(TlsViolations_T7, what_is_written_within_a_message_of_the_peer_waits_for_its_rest) {
  shake_hands(as_client());
  const std::string message = testing::key_update_message(false);
  end->take(peer->forge(RecordType::handshake, BytesView(message).first(4)));
  ASSERT_EQ(end->outcome(), Outcome::wants_input);
  EXPECT_EQ(end->write("first"), Outcome::done);
  EXPECT_EQ(end->write(" second"), Outcome::done);
  EXPECT_EQ(end->said, "");
  EXPECT_EQ(end->engine().unencrypted(), 12U);
  end->engine().close();
  EXPECT_EQ(end->said, "");

  end->take(peer->forge(RecordType::handshake, BytesView(message).drop(4)));
  EXPECT_EQ(end->engine().unencrypted(), 0U);
  peer->take(std::exchange(end->said, {}));
  (void)peer->read(peer_heard, 1000);
  EXPECT_EQ(peer_heard, "first second");
  EXPECT_TRUE(peer->saw_close_notify()) << peer->failure();
}

TEST_F(TlsViolations_T7, writing_within_a_message_of_the_peer_reads_nothing_of_it) {
  // Found by fuzzing: what is lent is for `read`, also where a write would have use for it.
  shake_hands(as_client());
  const std::string message = testing::key_update_message(false);
  end->take(peer->forge(RecordType::handshake, BytesView(message).first(4)));
  const std::string rest = peer->forge(RecordType::handshake, BytesView(message).drop(4));
  end->engine().feed(rest);
  EXPECT_EQ(end->write("waits"), Outcome::done);
  EXPECT_EQ(end->engine().input_left(), rest.size());
  EXPECT_EQ(end->engine().unencrypted(), 5U);
  end->go_on();
  EXPECT_EQ(end->engine().input_left(), 0U);
  EXPECT_EQ(end->engine().unencrypted(), 0U);
}

TEST_F(TlsViolations_T7, a_message_that_goes_on_with_something_else_fails) {
  shake_hands(as_client());
  end->take(peer->forge(RecordType::handshake, BytesView(testing::key_update_message(false)).first(4)));
  EXPECT_EQ(end->write("waits"), Outcome::done);
  end->take(peer->forge(RecordType::application_data, "x"));
  EXPECT_EQ(code(), TlsErrc::protocol_violation) << text();
  EXPECT_EQ(end->write("fails"), Outcome::failed);
}

}  // namespace
}  // namespace tidegate::tls
