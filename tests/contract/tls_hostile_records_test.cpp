// A peer that misbehaves once the handshake is over (contract T7, T4): the right error, what was sound before
// it delivered, bounded memory, and nobody else held up.
#include "contract/tls_rig.hpp"

#include <string>
#include <vector>

namespace tidegate::contract {
namespace {

using testing::Alert;
using testing::alert;
using testing::AlertKind;
using testing::AlertLevel;
using testing::RecordType;

/// What a flood may leave behind, the test's own end included.
constexpr std::size_t kSmallHeapBytes = std::size_t{1} * 1024 * 1024;

class TlsHostileRecords : public TlsSidesTest {
 protected:
  void connect_to_forger() { connect({.peer = {.session_tickets = 0}}); }
  void connect_to_old_forger() {
    connect({.peer = {.maximum_version = TLS1_2_VERSION, .ciphers = testing::kForgeableCipher}});
  }
  /// The message with which the peer asks for another handshake: HelloRequest, or a ClientHello, which need
  /// not be a sensible one.
  [[nodiscard]] std::string beginning_of_handshake() const {
    if (is_connecting()) return {0, 0, 0, 0};
    const std::string hello =
        std::string{3, 3} + std::string(32, 'r') + std::string{0, 0, 2, '\xC0', '\x2B', 1, 0};
    return std::string{1, 0, 0, static_cast<char>(hello.size())} + hello;
  }
  void connect_with(int version) {
    connect({.peer = {.minimum_version = version, .maximum_version = version}});
  }

  /// Sends what the peer forges, behind some honest data, and expects the end that this has to have.
  void expect_forgery_ends_it(RecordType type, const std::string& content, std::error_code expected) {
    connect_to_forger();
    peer().send_as_is(peer().tls().forge(RecordType::application_data, "sound"));
    peer().send_as_is(peer().tls().forge(type, content));
    expect_lost(expected);
    EXPECT_EQ(here().received, "sound");
    EXPECT_EQ(std::count(here().calls.begin(), here().calls.end(), "eof"), 0);
  }

  /// Expects that the peer was told by a fatal alert, so that it knows as well.
  void expect_alert(AlertKind kind) {
    ASSERT_TRUE(reach([this] { return peer().wire_has_ended(); }));
    const Alert expected{AlertLevel::fatal, kind};
    const auto& alerts = peer().tls().alerts_received();
    ASSERT_FALSE(alerts.empty()) << "the peer was not told: " << peer().failure();
    EXPECT_EQ(alerts.back(), expected);
  }

  /// Sends `flood` to the last byte, as fast as it is taken, for as long as there is a connection.
  void pour(std::string flood) {
    ASSERT_TRUE(reach_without_peer([&] {
      flood.erase(0, peer().testing::RawPeer::send_some(flood));
      return flood.empty() || peer().send_failed() || here().lost;
    }));
  }

  static constexpr std::array kVersions{TLS1_2_VERSION, TLS1_3_VERSION};
};

INSTANTIATE_TEST_SUITE_P(Tls, TlsHostileRecords, ::testing::Values(Side::connecting, Side::accepted),
                         name_of_side);

// --- records that are no good --------------------------------------------------------------------

TEST_P(TlsHostileRecords, T7_an_altered_record_ends_the_connection_behind_what_was_sound) {
  for (const int version : kVersions) {
    connect_with(version);
    peer().send("sound");
    std::string record = peer().seal("altered");
    record.back() = static_cast<char>(record.back() ^ 1);
    peer().send_as_is(record);
    expect_lost(TlsErrc::protocol_violation);
    EXPECT_EQ(here().received, "sound");
    expect_alert(AlertKind::bad_record_mac);
  }
}

TEST_P(TlsHostileRecords, T7_a_record_that_was_sent_before_is_refused) {
  for (const int version : kVersions) {
    connect_with(version);
    const std::string record = peer().seal("once");
    peer().send_as_is(record + record);
    expect_lost(TlsErrc::protocol_violation);
    EXPECT_EQ(here().received, "once");
  }
}

TEST_P(TlsHostileRecords, T7_plaintext_among_the_records_is_refused) {
  for (const int version : kVersions) {
    connect_with(version);
    peer().send_as_is(testing::plain_record(RecordType::application_data, std::string(100, 'p')));
    expect_lost(TlsErrc::protocol_violation);
    connect_with(version);
    // Too short to be an encrypted one; OpenSSL takes the blame for that upon itself in TLS 1.2.
    peer().send_as_is(testing::plain_record(RecordType::application_data, "p"));
    const std::error_code code = run_until_lost().code();
    EXPECT_TRUE(code == TlsErrc::protocol_violation || code == TlsErrc::internal) << code;
    connect_with(version);
    peer().send_as_is("QUIT\r\n and no TLS at all");
    expect_lost(TlsErrc::protocol_violation);
    EXPECT_EQ(here().received, "");
  }
}

TEST_P(TlsHostileRecords, T7_records_that_are_too_large_are_refused) {
  connect_to_forger();
  // At its header: nobody collects 64 KiB first.
  peer().send_as_is(
      testing::plain_record(RecordType::application_data, std::string(0xFFFF, 'x')).substr(0, 5));
  expect_lost(TlsErrc::protocol_violation);
  expect_forgery_ends_it(RecordType::application_data, std::string(16384 + 1, 'x'),
                         TlsErrc::protocol_violation);
  expect_alert(AlertKind::record_overflow);
}

TEST_P(TlsHostileRecords, T7_the_largest_record_is_taken) {
  connect_to_forger();
  peer().send_as_is(peer().tls().forge(RecordType::application_data, std::string(16384, 'x')));
  ASSERT_TRUE(reach([this] { return here().received.size() == 16384; }));
}

TEST_P(TlsHostileRecords, T7_messages_of_a_handshake_that_is_over_are_refused) {
  const std::string client_hello{'\x01', 0, 0, 2, 3, 3};
  const std::string finished = std::string{'\x14', 0, 0, 32} + std::string(32, 'f');
  const std::string unknown{'\x7F', 0, 0, 0};
  const std::string endless{'\x18', '\xFF', '\xFF', '\xFF'};
  for (const std::string& message : {client_hello, finished, unknown, endless}) {
    expect_forgery_ends_it(RecordType::handshake, message, TlsErrc::protocol_violation);
  }
}

TEST_P(TlsHostileRecords, T7_kinds_of_records_that_do_not_exist_are_refused) {
  expect_forgery_ends_it(static_cast<RecordType>(99), "what is this", TlsErrc::protocol_violation);
  expect_forgery_ends_it(RecordType::change_cipher_spec, "\x01", TlsErrc::protocol_violation);
}

TEST_P(TlsHostileRecords, R1_records_with_nothing_in_them_are_no_data) {
  connect_to_forger();
  int calls = 0;
  here().on_data = [&calls](loop_rig::Recorder&) { ++calls; };
  for (int times = 0; times < 10; ++times) {
    peer().send_as_is(peer().tls().forge(RecordType::application_data, "", 50));
  }
  peer().send_as_is(peer().tls().forge(RecordType::application_data, "some"));
  ASSERT_TRUE(reach([this] { return here().received == "some"; }));
  EXPECT_EQ(calls, 1);
}

TEST_P(TlsHostileRecords, T7_endless_records_with_nothing_in_them_come_to_an_end) {
  connect_to_forger();
  std::string flood;
  for (int times = 0; times < 50'000; ++times) flood += peer().tls().forge(RecordType::application_data, "");
  const std::size_t before = heap_bytes();
  pour(std::move(flood));
  expect_lost(TlsErrc::protocol_violation);
  EXPECT_LT(heap_bytes(), before + kSmallHeapBytes);
}

TEST_P(TlsHostileRecords, T7_records_of_one_byte_are_data_like_any_other) {
  connect_to_forger();
  std::string all;
  for (int place = 0; place < 2000; ++place) {
    const std::string byte(1, static_cast<char>(place % 251));
    all += byte;
    peer().send_as_is(peer().tls().forge(RecordType::application_data, byte, 300));
  }
  ASSERT_TRUE(reach([&] { return here().received.size() == all.size(); }));
  EXPECT_EQ(here().received, all);
}

// --- alerts --------------------------------------------------------------------------------------

TEST_P(TlsHostileRecords, T7_a_fatal_alert_ends_the_connection_behind_what_was_sound) {
  expect_forgery_ends_it(RecordType::alert, alert(AlertLevel::fatal, AlertKind::internal_error),
                         TlsErrc::alert_received);
  EXPECT_NE(here().lost_reason.message().find("internal error"), std::string::npos)
      << here().lost_reason.message();
}

TEST_P(TlsHostileRecords, T7_warnings_are_not_the_end_unless_there_is_no_end_of_them) {
  connect_to_forger();
  const std::string warning = alert(AlertLevel::warning, AlertKind::user_canceled);
  peer().send_as_is(peer().tls().forge(RecordType::alert, warning));
  peer().send_as_is(peer().tls().forge(RecordType::application_data, "still there"));
  ASSERT_TRUE(reach([this] { return here().received == "still there"; }));
  std::string flood;
  for (int times = 0; times < 1000; ++times) flood += peer().tls().forge(RecordType::alert, warning);
  pour(std::move(flood));
  expect_lost(TlsErrc::protocol_violation);
}

TEST_P(TlsHostileRecords, T7_an_alert_that_is_cut_short_is_refused) {
  expect_forgery_ends_it(RecordType::alert, std::string(1, '\x01'), TlsErrc::protocol_violation);
}

// --- new keys, new handshakes --------------------------------------------------------------------

TEST_P(TlsHostileRecords, T7_new_keys_are_taken_and_given) {
  connect_with(TLS1_3_VERSION);
  for (int times = 0; times < 5; ++times) {
    peer().update_keys(true);
    peer().send("under new keys ");
    transport().write("answered ");
    ASSERT_TRUE(reach([&] { return here().received.size() == 15U * static_cast<unsigned>(times + 1); }));
  }
  ASSERT_TRUE(reach([this] { return peer().received.size() == 45; })) << peer().failure();
}

TEST_P(TlsHostileRecords, T7_endless_requests_for_new_keys_cost_no_memory) {
  connect_to_forger();
  std::string flood;
  for (int times = 0; times < 5'000; ++times) flood += peer().tls().forge_key_update(true);
  const std::size_t before = heap_bytes();
  pour(flood);
  for (int times = 0; times < 100; ++times) step();
  ASSERT_FALSE(here().lost) << here().lost_reason.message();
  EXPECT_LE(transport().get_write_buffer_size(), 64U * 1024);
  EXPECT_LT(heap_bytes(), before + kSmallHeapBytes);
  // And it lives, on new keys.
  transport().write("still there");
  peer().send_as_is(peer().tls().forge(RecordType::application_data, "so am I"));
  ASSERT_TRUE(reach([this] { return here().received == "so am I" && peer().received == "still there"; }))
      << peer().failure();
}

TEST_P(TlsHostileRecords, T7_a_request_for_another_handshake_is_refused) {
  connect_with(TLS1_2_VERSION);
  peer().renegotiate();
  ASSERT_TRUE(reach([this] { return !peer().tls().alerts_received().empty(); }));
  const Alert refusal{AlertLevel::warning, AlertKind::no_renegotiation};
  EXPECT_EQ(peer().tls().alerts_received().front(), refusal);
  // That is the end for the peer's TLS, which tells us so.
  expect_lost(TlsErrc::alert_received);
}

TEST_P(TlsHostileRecords, T7_a_peer_that_was_refused_another_handshake_may_go_on) {
  connect_to_old_forger();
  peer().send_as_is(peer().tls().forge_old(RecordType::handshake, beginning_of_handshake()));
  peer().send_as_is(peer().tls().forge_old(RecordType::application_data, "never mind"));
  ASSERT_TRUE(reach_without_peer([this] { return here().received == "never mind" || here().lost; }));
  transport().write("very well");
  // Past the peer's TLS, for which a refusal is the end: first the refusal, then the answer.
  std::string& wire = peer().received;
  ASSERT_TRUE(reach_without_peer([&] {
    peer().testing::RawPeer::receive();
    const std::size_t first = wire.size() < 5 ? 0 : 5 + static_cast<unsigned char>(wire[4]);
    return first > 0 && wire.size() > first && wire[0] == static_cast<char>(RecordType::alert) &&
           wire[first] == static_cast<char>(RecordType::application_data);
  }));
  EXPECT_FALSE(here().lost);
}

TEST_P(TlsHostileRecords, T7_endless_requests_for_another_handshake_come_to_an_end) {
  connect_to_old_forger();
  std::string flood;
  for (int times = 0; times < 20'000; ++times) {
    flood += peer().tls().forge_old(RecordType::handshake, beginning_of_handshake());
  }
  const std::size_t before = heap_bytes();
  pour(std::move(flood));
  ASSERT_TRUE(reach_without_peer([this] { return here().lost; }));
  expect_lost(TlsErrc::protocol_violation);
  EXPECT_LT(heap_bytes(), before + kSmallHeapBytes);
}

TEST_P(TlsHostileRecords, T7_requests_for_another_handshake_come_to_an_end_however_slowly_they_come) {
  connect_to_old_forger();
  const std::string& wire = peer().received;
  for (int times = 0; times < 1000 && !here().lost; ++times) {
    const std::size_t answered_bytes = wire.size();
    peer().send_as_is(peer().tls().forge_old(RecordType::handshake, beginning_of_handshake()));
    ASSERT_TRUE(reach_without_peer([&] {
      if (!here().lost) peer().testing::RawPeer::receive();
      return here().lost || wire.size() > answered_bytes;
    }));
  }
  expect_lost(TlsErrc::protocol_violation);
}

TEST_P(TlsHostileRecords, T7_endless_warnings_of_tls_1_2_come_to_an_end) {
  connect_to_old_forger();
  const std::string warning = alert(AlertLevel::warning, AlertKind::user_canceled);
  peer().send_as_is(peer().tls().forge_old(RecordType::alert, warning));
  peer().send_as_is(peer().tls().forge_old(RecordType::application_data, "still there"));
  ASSERT_TRUE(reach_without_peer([this] { return here().received == "still there"; }));
  std::string flood;
  for (int times = 0; times < 1000; ++times) flood += peer().tls().forge_old(RecordType::alert, warning);
  pour(std::move(flood));
  expect_lost(TlsErrc::protocol_violation);
}

// --- a peer that never reads ---------------------------------------------------------------------

TEST_P(TlsHostileRecords, F6_a_peer_that_never_reads_costs_no_more_than_the_marks_and_one_write) {
  constexpr std::size_t kPieceBytes = 10'000;
  connect();
  Transport& ours = transport();
  ours.set_write_buffer_limits({.high = 65'536});
  const std::size_t before = heap_bytes();
  std::size_t largest = 0;
  int pieces_in_a_row_over = 0;
  ASSERT_TRUE(reach_without_peer([&] {
    if (ours.get_write_buffer_size() <= 65'536) {
      ours.write(std::string(kPieceBytes, 'w'));
      pieces_in_a_row_over = 0;
    } else {
      ++pieces_in_a_row_over;
    }
    largest = std::max(largest, ours.get_write_buffer_size());
    return pieces_in_a_row_over > 50;
  }));
  // What is encrypted already is larger by what the records add to it.
  EXPECT_LE(largest, 65'536 + kPieceBytes + 4096);
  EXPECT_LT(heap_bytes(), before + kSmallHeapBytes);
  ours.abort();
  expect_lost({});
}

TEST_P(TlsHostileRecords, F6_half_a_message_of_the_peers_does_not_let_what_is_written_pile_up) {
  // Until the other half has come, nothing can be encrypted: what is written meanwhile is buffered, and has
  // to count.
  connect_to_forger();
  const std::string message = testing::key_update_message(false);
  constexpr std::size_t kHeaderBytes = 4;
  peer().send_as_is(peer().tls().forge(RecordType::handshake, message.substr(0, kHeaderBytes)));
  for (int times = 0; times < 20; ++times) step();
  constexpr std::size_t kTooMuchBytes = std::size_t{8} * 1024 * 1024;
  std::size_t written = 0;
  const std::size_t before = heap_bytes();
  ASSERT_TRUE(reach([&] {
    if (transport().get_write_buffer_size() <= 65'536) {
      transport().write(std::string(10'000, 'w'));
      written += 10'000;
    }
    // Either it waits with all of it, or the peer gets it.
    return transport().get_write_buffer_size() > 65'536 || peer().received.size() > 200'000 ||
           written > kTooMuchBytes;
  }));
  EXPECT_LT(written, kTooMuchBytes);
  EXPECT_LT(heap_bytes(), before + kSmallHeapBytes);
  peer().send_as_is(peer().tls().forge(RecordType::handshake, message.substr(kHeaderBytes)));
  ASSERT_TRUE(reach([&] { return peer().received.size() == written; })) << here().lost_reason.message();
}

TEST_P(TlsHostileRecords, T4_what_is_not_read_is_not_downloaded) {
  connect();
  transport().pause_reading();
  const std::size_t before = heap_bytes();
  std::size_t sent = 0;
  int refused_in_a_row = 0;
  ASSERT_TRUE(reach_without_peer([&] {
    const std::size_t taken = peer().send_some(std::string(16384, 'd'));
    sent += taken;
    refused_in_a_row = taken == 0 ? refused_in_a_row + 1 : 0;
    return refused_in_a_row > 50;
  }));
  EXPECT_LT(heap_bytes(), before + kSmallHeapBytes);
  EXPECT_EQ(here().received, "");
  transport().resume_reading();
  ASSERT_TRUE(reach([&] { return here().received.size() == sent; }));
}

}  // namespace
}  // namespace tidegate::contract
