// Securing a connection that is there already: T6 and T8, on every carrier, TLS itself included.
#include "contract/contract_test.hpp"
#include "contract/secured_ground.hpp"
#include "support/certificates.hpp"
#include "support/tls_end.hpp"

#include <functional>
#include <optional>
#include <string>
#include <utility>

#include <gmock/gmock.h>

namespace tidegate::contract {
namespace {

using testing::TlsEnd;
using testing::TlsEndOptions;
using testing::TlsRole;

const TlsContext& client() {
  static const TlsContext context =
      TlsContext::client({.ca_data = testing::trusted_authority().certificate_pem()});
  return context;
}

const TlsContext& server() {
  static const TlsContext context =
      TlsContext::server({.cert_chains = {testing::server_certificate().chain()}});
  return context;
}

class StartTls : public ContractTest {
 protected:
  using Upgrading = TaskHandle<TransportRef>;

  /// Has an end ask for TLS, as the side that `context` is for. Whatever comes of it is in the result.
  [[nodiscard]] Upgrading upgrade(TracedEnd& end, const TlsContext& context, BytesView received = {}) {
    StartTlsOptions options{.received = received};
    if (!context.is_server()) options.server_hostname = "localhost";
    return loop().create_task(loop().start_tls(end.ref(), end.transport().get_protocol(), context, options));
  }

  [[nodiscard]] bool here_can_half_close() {
    connect_raw();
    return here().transport().can_write_eof();
  }

  /// Takes the new transport over.
  static void finish(TracedEnd& end, Upgrading& upgrading) { end.upgraded(upgrading.result()); }

  /// The raw peer's side of TLS, which it has agreed on in the clear.
  void exchange_with(TlsEnd& tls) {
    peer().receive();
    tls.take(std::exchange(peer().received, {}));
    std::string plaintext;
    tls.read(plaintext, kEverything);
    decrypted_ += plaintext;
    peer().send(tls.give());
  }

  /// Runs until `holds`, with the raw peer speaking TLS meanwhile.
  void run_with(TlsEnd& tls, const std::function<bool()>& holds) {
    rig().run_until([&] {
      exchange_with(tls);
      return holds();
    });
  }

  static constexpr std::size_t kEverything = std::size_t{1} << 40U;
  std::string decrypted_;
};

// --- T6 ------------------------------------------------------------------------------------------

TEST_P(StartTls, T6_both_ends_upgrade_and_the_bytes_go_on_both_ways) {
  connect_pair();
  there().write("before");
  rig().run_until([&] { return here().received == "before"; });
  Upgrading ours = upgrade(here(), server());
  Upgrading theirs = upgrade(there(), client());
  rig().run_until([&] { return ours.done() && theirs.done(); });
  finish(here(), ours);
  finish(there(), theirs);
  EXPECT_EQ(here().made_count, 1) << "the protocol knows of its connection already";
  here().write(pattern(300'000));
  there().write(pattern(200'000, 6));
  rig().run_until([&] { return here().received.size() == 200'006 && there().received.size() == 300'000; });
  EXPECT_TRUE(is_pattern(there().received));
  EXPECT_TRUE(is_pattern(BytesView(here().received).drop(6), 6));
  here().close();
  rig().run_until([&] { return here().lost() && there().lost(); });
  EXPECT_FALSE(here().reason) << here().reason.message();
  EXPECT_FALSE(there().reason) << there().reason.message();
  EXPECT_EQ(there().eof_count, 1);
}

TEST_P(StartTls, T6_what_was_written_before_leaves_first_and_in_the_clear) {
  connect_raw();
  here().write("go ahead\n");
  Upgrading ours = upgrade(here(), server());
  rig().run_until([&] { return peer().has(9); });
  EXPECT_EQ(peer().received, "go ahead\n");
  peer().received.clear();
  TlsEnd tls({.role = TlsRole::client});
  run_with(tls, [&] { return ours.done(); });
  finish(here(), ours);
  here().write("secret");
  run_with(tls, [&] { return decrypted_ == "secret"; });
}

TEST_P(StartTls, T6_a_client_hello_that_came_with_the_request_is_read_as_tls) {
  connect_raw();
  TlsEnd tls({.role = TlsRole::client});
  std::optional<Upgrading> ours;
  here().on.bytes_received = [&](BytesView bytes) {
    if (ours) return;
    ASSERT_TRUE(bytes.text().starts_with("STARTTLS\n")) << "cut by the carrier";
    ours = upgrade(here(), server(), bytes.drop(9));
  };
  static_cast<void>(tls.handshake_is_over());
  std::string nothing;
  tls.read(nothing, 0);  // has it speak first
  peer().send("STARTTLS\n" + tls.give());
  run_with(tls, [&] { return ours && ours->done(); });
  finish(here(), *ours);
  run_with(tls, [&] { return tls.handshake_is_over(); });
  tls.write("protected");
  const std::size_t before = here().received.size();
  run_with(tls, [&] { return here().received.size() > before; });
  EXPECT_EQ(here().received.substr(before), "protected");
}

TEST_P(StartTls, T6_plaintext_that_was_slipped_in_is_never_taken_for_protected_data) {
  connect_raw();
  std::optional<Upgrading> ours;
  here().on.bytes_received = [&](BytesView bytes) {
    if (!ours) ours = upgrade(here(), server(), bytes.drop(9));
  };
  peer().send("STARTTLS\nevil command, long enough to be looked at as a record\n");
  rig().run_until([&] { return ours && ours->done(); });
  EXPECT_EQ(thrown_code([&] { static_cast<void>(ours->result()); }), TlsErrc::protocol_violation);
  run_until_lost();
  EXPECT_EQ(here().reason.code(), TlsErrc::protocol_violation) << here().reason.message();
  EXPECT_EQ(here().data_count + here().updated_count, 1) << "nothing more was delivered";
}

TEST_P(StartTls, T6_plaintext_that_arrives_after_the_call_is_never_delivered) {
  connect_raw();
  Upgrading ours = upgrade(here(), server());
  peer().send("evil command, long enough to be looked at as a record\n");
  rig().run_until([&] { return ours.done(); });
  EXPECT_EQ(thrown_code([&] { static_cast<void>(ours.result()); }), TlsErrc::protocol_violation);
  run_until_lost();
  EXPECT_EQ(here().received, "");
}

TEST_P(StartTls, T6_a_peer_that_leaves_during_the_handshake_ends_the_connection_with_the_same_error) {
  connect_raw();
  Upgrading ours = upgrade(here(), client());
  rig().run_until([&] { return peer().has(1); });
  peer().shutdown_write();
  rig().run_until([&] { return ours.done(); });
  EXPECT_EQ(thrown_code([&] { static_cast<void>(ours.result()); }), TlsErrc::truncated);
  run_until_lost();
  EXPECT_EQ(here().reason.code(), TlsErrc::truncated);
  EXPECT_EQ(here().eof_count, 0);
}

TEST_P(StartTls, T6_cancelling_the_upgrade_aborts_the_connection) {
  connect_raw();
  Upgrading ours = upgrade(here(), client());
  rig().run_until([&] { return peer().has(1); });
  ours.cancel();
  rig().run_until([&] { return ours.done(); });
  EXPECT_TRUE(ours.cancelled());
  run_until_lost();
  rig().run_until([&] { return peer().at_end(); });
}

TEST_P(StartTls, T6_a_call_that_is_never_awaited_ends_the_connection) {
  connect_raw();
  {
    StartTlsOptions options{.server_hostname = "localhost"};
    const auto dropped = loop().start_tls(here().ref(), here().transport().get_protocol(), client(), options);
  }
  run_until_lost();
  EXPECT_THAT(rig().take_warnings(), ::testing::ElementsAre(::testing::HasSubstr("without being awaited")));
}

TEST_P(StartTls, T6_the_protocol_may_be_another_one) {
  connect_pair();
  const auto replacement = here().switch_protocol(Receiver::buffered);
  Upgrading ours = upgrade(here(), server());
  Upgrading theirs = upgrade(there(), client());
  rig().run_until([&] { return ours.done() && theirs.done(); });
  finish(here(), ours);
  finish(there(), theirs);
  there().write("to whom?");
  rig().run_until([&] { return here().received == "to whom?"; });
  EXPECT_EQ(here().transport().get_protocol(), replacement);
  EXPECT_EQ(here().last_called(), 2);
}

TEST_P(StartTls, T6_what_makes_no_sense_is_refused_and_changes_nothing) {
  connect_raw();
  const auto protocol = here().transport().get_protocol();
  const auto ask = [&](const TlsContext& context, const StartTlsOptions& options) {
    return thrown_text<std::invalid_argument>(
        [&] { static_cast<void>(loop().start_tls(here().ref(), protocol, context, options)); });
  };
  EXPECT_THAT(ask(TlsContext(), {}), ::testing::HasSubstr("a TLS context is needed"));
  EXPECT_THAT(ask(client(), {}), ::testing::HasSubstr("server_hostname is needed"));
  EXPECT_THAT(ask(server(), {.server_hostname = "localhost"}), ::testing::HasSubstr("server_hostname"));
  EXPECT_THAT(ask(server(), {.tls_handshake_timeout = Duration::zero()}),
              ::testing::HasSubstr("tls_handshake_timeout is 0 s, expected more than 0"));
  EXPECT_THAT(ask(server(), {.tls_shutdown_timeout = -std::chrono::seconds(2)}),
              ::testing::HasSubstr("tls_shutdown_timeout is -2 s, expected more than 0"));
  Loop stranger(LoopOptions{.backend = GetParam().backend});
  EXPECT_THAT(thrown_text<std::invalid_argument>(
                  [&] { static_cast<void>(stranger.start_tls(here().ref(), protocol, server())); }),
              ::testing::HasSubstr("another loop"));
  peer().send("still in the clear");
  rig().run_until([&] { return here().received == "still in the clear"; });
  here().close();
  EXPECT_THAT(thrown_text<InvalidStateError>(
                  [&] { static_cast<void>(loop().start_tls(here().ref(), protocol, server())); }),
              ::testing::HasSubstr("closing"));
}

TEST_P(StartTls, T6_after_write_eof_there_is_nothing_to_secure) {
  if (!here_can_half_close()) GTEST_SKIP() << "TLS has no half-close";
  here().write_eof();
  EXPECT_THROW(static_cast<void>(loop().start_tls(here().ref(), here().transport().get_protocol(), server())),
               InvalidStateError);
}

// --- T8 ------------------------------------------------------------------------------------------

TEST_P(StartTls, T8_a_protocol_that_was_paused_before_is_resumed_after_the_upgrade) {
  connect_raw();
  const std::size_t written = fill_kernel();
  here().set_limits({.high = 1000});
  ASSERT_EQ(here().pause_count, 1);
  Upgrading ours = upgrade(here(), server());
  rig().run_until([&] { return peer().has(written); });
  peer().received.clear();
  EXPECT_EQ(here().resume_count, 0) << "there is nobody to write to yet";
  TlsEnd tls({.role = TlsRole::client});
  run_with(tls, [&] { return ours.done(); });
  finish(here(), ours);
  run_with(tls, [&] { return here().resume_count == 1; });
  here().write("after all");
  run_with(tls, [&] { return decrypted_ == "after all"; });
}

TEST_P(StartTls, T8_reading_that_was_paused_before_does_not_keep_the_handshake_from_happening) {
  connect_pair();
  here().pause_reading();
  Upgrading ours = upgrade(here(), server());
  Upgrading theirs = upgrade(there(), client());
  rig().run_until([&] { return ours.done() && theirs.done(); });
  here().resumed_by_upgrade();
  finish(here(), ours);
  finish(there(), theirs);
  there().write("hello");
  rig().run_until([&] { return here().received == "hello"; });
}

INSTANTIATE_TEST_SUITE_P(Streams, StartTls, ::testing::ValuesIn(each_carrier()), name_of);

}  // namespace
}  // namespace tidegate::contract
