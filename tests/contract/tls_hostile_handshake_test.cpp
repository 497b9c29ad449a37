// Handshakes with a peer that does not play by the rules (contract T1, T2, T7): the right error, told once,
// in bounded time, and not a word to the protocol.
#include "contract/tls_rig.hpp"

#include <array>
#include <string>
#include <vector>

namespace tidegate::contract {
namespace {

using testing::alert;
using testing::AlertKind;
using testing::AlertLevel;
using testing::plain_record;
using testing::RecordType;

const std::error_code kReset(ECONNRESET, std::system_category());

class TlsHostileHandshake : public TlsSidesTest {
 protected:
  /// A connection to a peer that says nothing but `bytes`.
  void begin_with(BytesView bytes) {
    begin();
    peer().hold_back(true);
    peer().send_as_is(bytes);
  }

  /// How many bytes the peer says in an honest handshake, at least: signatures differ in length by a few
  /// bytes.
  std::size_t honest_bytes(const TlsTerms& terms) {
    begin(terms);
    peer().hold_back(true);
    std::size_t count = 0;
    const bool done = reach([&] {
      const std::string part = peer().take_outgoing();
      count += part.size();
      peer().send_as_is(part);
      return was_made();
    });
    EXPECT_TRUE(done);
    transport().abort();
    run_until_lost();
    peer().close_wire();
    return count - kMostBytesLess;
  }

  /// Lets the peer say the first `limit` bytes of its handshake, and waits until it has.
  void say_only(std::size_t limit) {
    peer().hold_back(true);
    ASSERT_TRUE(reach([&] {
      const std::string part = peer().take_outgoing().substr(0, limit);
      limit -= part.size();
      peer().send_as_is(part);
      return limit == 0;
    }));
  }

  static constexpr std::size_t kMostBytesLess = 8;
  static constexpr std::array kVersions{TLS1_2_VERSION, TLS1_3_VERSION};
};

INSTANTIATE_TEST_SUITE_P(Tls, TlsHostileHandshake, ::testing::Values(Side::connecting, Side::accepted),
                         name_of_side);

// --- what is no handshake ------------------------------------------------------------------------

TEST_P(TlsHostileHandshake, T7_what_is_no_TLS_is_refused) {
  for (const std::string& text :
       {std::string("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        std::string("HTTP/1.1 400 Bad Request\r\n\r\n"), std::string("SSH-2.0-OpenSSH_9.2\r\n"),
        std::string(64, '\0'), std::string(64, '\xFF')}) {
    SCOPED_TRACE(text.substr(0, 10));
    begin_with(text);
    expect_handshake_fails(TlsErrc::protocol_violation);
  }
}

TEST_P(TlsHostileHandshake, T7_our_own_words_sent_back_are_refused) {
  if (!is_connecting()) GTEST_SKIP() << "an end that is called does not speak first";
  begin();
  // Past the peer's TLS: what a plain echo server does.
  ASSERT_TRUE(reach_without_peer([this] {
    peer().testing::RawPeer::receive();
    return peer().received.size() > 100;
  }));
  peer().send_as_is(peer().received);
  ASSERT_TRUE(reach_without_peer([this] { return has_failed(); }));
  expect_handshake_fails(TlsErrc::protocol_violation);
}

TEST_P(TlsHostileHandshake, T7_a_record_that_is_too_large_is_refused_at_its_header) {
  begin_with(plain_record(RecordType::handshake, std::string(0xFFFF, 'x')).substr(0, 5));
  expect_handshake_fails(TlsErrc::protocol_violation);
}

TEST_P(TlsHostileHandshake, T7_a_message_that_claims_16_MiB_is_refused_at_its_header) {
  const char first_message = is_connecting() ? 2 : 1;  // ServerHello, ClientHello
  begin_with(plain_record(RecordType::handshake, std::string{first_message, '\xFF', '\xFF', '\xFF', 3, 3}));
  expect_handshake_fails(TlsErrc::protocol_violation);
}

TEST_P(TlsHostileHandshake, T7_data_before_the_handshake_is_refused) {
  begin_with(plain_record(RecordType::application_data, "secret"));
  expect_handshake_fails(TlsErrc::protocol_violation);
}

TEST_P(TlsHostileHandshake, T7_a_handshake_with_an_altered_byte_comes_to_nothing) {
  for (const int version : kVersions) {
    const TlsTerms terms{.peer = {.minimum_version = version, .maximum_version = version}};
    const std::size_t total = honest_bytes(terms);
    for (const std::size_t place : {total / 3, total / 2, total - 20, total - 1}) {
      SCOPED_TRACE(std::to_string(place) + " of " + std::to_string(total));
      begin(terms);
      peer().hold_back(true);
      std::size_t said = 0;
      const bool failed = reach([&] {
        std::string part = peer().take_outgoing();
        if (said <= place && place < said + part.size()) {
          part[place - said] = static_cast<char>(part[place - said] ^ 0x55);
        }
        said += part.size();
        peer().send_as_is(part);
        // Some of it this end can't know before the peer's TLS has said so by an alert.
        return has_failed() || (was_made() && here().lost);
      });
      ASSERT_TRUE(failed);
      if (was_made()) {
        EXPECT_TRUE(here().lost_reason);
        here().calls.clear();
      } else {
        EXPECT_NE(code_of(handshake_failure()), std::error_code());
      }
      peer().close_wire();
    }
  }
}

// --- alerts --------------------------------------------------------------------------------------

TEST_P(TlsHostileHandshake, T7_a_fatal_alert_is_told_as_one) {
  begin_with(plain_record(RecordType::alert, alert(AlertLevel::fatal, AlertKind::handshake_failure)));
  // A client that begins with one has not begun.
  expect_handshake_fails(is_connecting() ? TlsErrc::alert_received : TlsErrc::protocol_violation);
}

TEST_P(TlsHostileHandshake, T7_endless_warnings_come_to_an_end) {
  std::string warnings;
  for (int times = 0; times < 1000; ++times) {
    warnings += plain_record(RecordType::alert, alert(AlertLevel::warning, AlertKind::user_canceled));
  }
  begin_with(warnings);
  expect_handshake_fails(TlsErrc::protocol_violation);
}

TEST_P(TlsHostileHandshake, T7_a_peer_that_says_goodbye_instead_is_refused) {
  begin_with(plain_record(RecordType::alert, alert(AlertLevel::warning, AlertKind::close_notify)));
  expect_handshake_fails(is_connecting() ? TlsErrc::truncated : TlsErrc::protocol_violation);
}

// --- slow, silent, gone --------------------------------------------------------------------------

TEST_P(TlsHostileHandshake, T7_a_handshake_and_data_a_byte_at_a_time) {
  for (const int version : kVersions) {
    begin({.peer = {.minimum_version = version, .maximum_version = version}});
    peer().send_in_pieces(1);
    shake_hands();
    ASSERT_TRUE(reach([this] { return peer().flush(); }));
    ASSERT_EQ(peer().send_some("slowly"), 6U);
    ASSERT_TRUE(reach([this] { return here().received == "slowly"; }));
    transport().write("answered");
    ASSERT_TRUE(reach([this] { return peer().received == "answered"; }));
    transport().close();
    ASSERT_TRUE(reach([this] { return peer().saw_eof; }));
    peer().shutdown_write();
    EXPECT_FALSE(run_until_lost());
  }
}

TEST_P(TlsHostileHandshake, T2_a_peer_that_is_mute_is_given_up) {
  const TimePoint begun = loop().time();
  begin({.handshake_timeout = std::chrono::milliseconds(40)});
  ASSERT_TRUE(reach_without_peer([this] { return has_failed(); }));
  EXPECT_GE(loop().time() - begun, std::chrono::milliseconds(40));
  const std::exception_ptr failure = handshake_failure();
  EXPECT_EQ(code_of(failure), TlsErrc::handshake_timed_out) << text_of(failure);
  EXPECT_EQ(code_of(failure), std::errc::timed_out);
  EXPECT_TRUE(reach([this] { return peer().wire_has_ended(); }));
}

TEST_P(TlsHostileHandshake, T2_a_peer_that_dribbles_is_given_up_as_well) {
  begin({.handshake_timeout = std::chrono::milliseconds(40)});
  peer().hold_back(true);
  std::string words;
  ASSERT_TRUE(reach([&] {
    words += peer().take_outgoing();
    return !words.empty();
  }));
  TimePoint next = loop().time();
  ASSERT_TRUE(reach_without_peer([&] {
    if (loop().time() >= next && words.size() > 1) {
      next = loop().time() + std::chrono::milliseconds(2);
      peer().send_as_is(words.substr(0, 1));
      words.erase(0, 1);
    }
    return has_failed();
  }));
  expect_handshake_fails(TlsErrc::handshake_timed_out);
}

TEST_P(TlsHostileHandshake, T3_an_end_of_file_at_any_stage_is_a_truncation) {
  for (const int version : kVersions) {
    const TlsTerms terms{
        .peer = {.minimum_version = version, .maximum_version = version, .session_tickets = 0}};
    const std::size_t total = honest_bytes(terms);
    for (std::size_t said = 0; said < total; said += total / 9) {
      SCOPED_TRACE("TLS " + std::to_string(version) + ": " + std::to_string(said) + " of " +
                   std::to_string(total));
      begin(terms);
      say_only(said);
      peer().end_wire();
      expect_handshake_fails(TlsErrc::truncated);
      EXPECT_TRUE(reach([this] { return peer().wire_has_ended(); }));
    }
  }
}

TEST_P(TlsHostileHandshake, L3_a_reset_at_any_stage_is_told_as_one) {
  for (const int version : kVersions) {
    const TlsTerms terms{
        .peer = {.minimum_version = version, .maximum_version = version, .session_tickets = 0}};
    const std::size_t total = honest_bytes(terms);
    for (std::size_t said = 0; said < total; said += total / 9) {
      SCOPED_TRACE("TLS " + std::to_string(version) + ": " + std::to_string(said) + " of " +
                   std::to_string(total));
      begin(terms);
      say_only(said);
      peer().reset();
      expect_handshake_fails(kReset);
    }
  }
}

using TlsHostileClients = TlsServerTest;

TEST_F(TlsHostileClients, T7_many_that_never_speak_hold_nobody_up) {
  begin({.handshake_timeout = std::chrono::milliseconds(100)});
  std::vector<OwnedFileDescriptor> silent;
  for (int count = 0; count < 40; ++count) {
    silent.push_back(loop_rig::raw_connect(server().endpoints().front()));
  }
  ASSERT_TRUE(reach_without_peer([&] { return report_count() == silent.size() + 1; }));
  for (const loop_rig::Report& report : take_reports()) {
    EXPECT_EQ(code_of(report.exception), TlsErrc::handshake_timed_out) << report.text();
  }
  EXPECT_FALSE(was_made());
}

// --- what we give up ourselves -------------------------------------------------------------------

TEST_P(TlsHostileHandshake, T8_giving_up_at_any_stage_tells_the_protocol_nothing) {
  for (const int version : kVersions) {
    const TlsTerms terms{
        .peer = {.minimum_version = version, .maximum_version = version, .session_tickets = 0}};
    const std::size_t total = honest_bytes(terms);
    for (std::size_t said = 0; said < total; said += total / 9) {
      for (const bool politely : {true, false}) {
        begin(terms);
        say_only(said);
        for (int times = 0; times < 3; ++times) step();
        if (is_connecting()) {
          attempt().cancel();
          ASSERT_TRUE(reach([this] { return attempt().done(); }));
        } else {
          politely ? server().close_clients() : server().abort_clients();
        }
        ASSERT_TRUE(reach([this] { return peer().wire_has_ended(); }));
        for (int times = 0; times < 10; ++times) step();
        EXPECT_FALSE(was_made());
      }
    }
  }
}

// --- nothing in common ---------------------------------------------------------------------------

TEST_P(TlsHostileHandshake, T7_no_version_in_common) {
  begin({.peer = {.minimum_version = TLS1_VERSION, .maximum_version = TLS1_1_VERSION}});
  const std::exception_ptr failure = handshake_failure();
  // The server is the one to notice, and tells the client by an alert.
  const std::error_code expected = is_connecting() ? TlsErrc::alert_received : TlsErrc::nothing_in_common;
  EXPECT_EQ(code_of(failure), expected) << text_of(failure);
}

TEST_P(TlsHostileHandshake, T7_no_cipher_in_common) {
  TlsTerms terms{.peer = {.maximum_version = TLS1_2_VERSION, .ciphers = "AES128-SHA"}};
  terms.ours.ciphers = "ECDHE+AESGCM";
  begin(terms);
  const std::exception_ptr failure = handshake_failure();
  const std::error_code expected = is_connecting() ? TlsErrc::alert_received : TlsErrc::nothing_in_common;
  EXPECT_EQ(code_of(failure), expected) << text_of(failure);
}

}  // namespace
}  // namespace tidegate::contract
