// What is TLS's own: T2 to T5, and where the other clauses read differently on it. Misbehaving peers have
// files of their own.
#include "contract/contract_test.hpp"
#include "contract/secured_ground.hpp"
#include "net/socket_address.hpp"
#include "support/certificates.hpp"
#include "support/tls_peer.hpp"

#include <any>
#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <sys/socket.h>

namespace tidegate::contract {
namespace {

using ::testing::HasSubstr;
using testing::TlsPeer;

std::vector<Ground> every_tls_ground() {
  std::vector<Ground> grounds;
  for (const BackendKind backend : backends()) {
    for (const Side side : {Side::connecting, Side::accepted}) {
      grounds.push_back({Carrier::tls_tcp, backend, side, Receiver::plain});
      grounds.push_back({Carrier::tls_unix, backend, side, Receiver::buffered});
    }
  }
  return grounds;
}

class Tls : public ContractTest {
 protected:
  [[nodiscard]] TlsPeer& tls_peer() const { return dynamic_cast<TlsPeer&>(peer()); }

  /// Somebody who has connected, and says nothing.
  [[nodiscard]] static RawPeer raw_visitor(const Endpoint& endpoint) {
    const net::SocketAddress address = net::to_sockaddr(endpoint);
    OwnedFileDescriptor socket(
        FileDescriptor{::socket(address.get()->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0)});
    EXPECT_EQ(::connect(socket.get().number, address.get(), address.length), 0);
    return RawPeer(std::move(socket));
  }
};

// --- T3 ------------------------------------------------------------------------------------------

TEST_P(Tls, T3_close_says_close_notify_and_waits_for_the_answer) {
  connect_raw();
  here().write("farewell");
  here().close();
  rig().run_rounds(20);
  peer().receive();
  EXPECT_EQ(peer().received, "farewell");
  EXPECT_TRUE(tls_peer().saw_close_notify());
  EXPECT_FALSE(tls_peer().wire_has_ended()) << "nothing is closed before the answer";
  EXPECT_EQ(here().lost_count, 0);
  peer().shutdown_write();
  run_until_lost();
  EXPECT_FALSE(here().reason) << here().reason.message();
}

TEST_P(Tls, T3_the_peers_close_notify_is_a_regular_end_and_is_answered) {
  connect_raw();
  peer().send("last words");
  peer().shutdown_write();
  rig().run_until([&] { return here().lost(); });
  EXPECT_EQ(here().received, "last words");
  EXPECT_EQ(here().eof_count, 1);
  EXPECT_FALSE(here().reason) << here().reason.message();
  peer().receive();
  EXPECT_TRUE(tls_peer().saw_close_notify());
}

TEST_P(Tls, T3_a_cut_connection_is_told_apart_from_one_that_was_ended) {
  connect_raw();
  peer().send("half a message");
  rig().run_until([&] { return here().received == "half a message"; });
  tls_peer().end_wire();
  run_until_lost();
  EXPECT_EQ(here().eof_count, 0) << "no end of file: that would look like a regular one";
  EXPECT_EQ(here().reason.code(), TlsErrc::truncated) << here().reason.message();
}

TEST_P(Tls, T3_a_connection_that_is_cut_while_reading_is_paused_loses_nothing_that_had_arrived) {
  connect_raw();
  here().pause_reading();
  peer().send("held");
  tls_peer().end_wire();
  rig().run_until_quiet();
  EXPECT_EQ(here().received, "");
  EXPECT_EQ(here().lost_count, 0);
  here().resume_reading();
  run_until_lost();
  EXPECT_EQ(here().received, "held");
  EXPECT_EQ(here().reason.code(), TlsErrc::truncated);
}

TEST_P(Tls, T3_what_was_written_still_leaves_when_the_peer_has_cut_its_side) {
  connect_raw();
  tls_peer().end_wire();
  here().write("an answer to half a question");
  rig().run_until([&] { return here().lost(); });
  peer().receive();
  EXPECT_EQ(peer().received, "an answer to half a question");
  EXPECT_TRUE(tls_peer().saw_close_notify());
  EXPECT_EQ(here().reason.code(), TlsErrc::truncated);
}

TEST_P(Tls, T3_a_peer_that_just_leaves_after_our_close_is_no_error) {
  connect_raw();
  here().write("done");
  here().close();
  rig().run_rounds(20);
  tls_peer().end_wire();
  run_until_lost();
  EXPECT_FALSE(here().reason) << here().reason.message();
}

TEST_P(Tls, T3_what_a_broken_connection_does_not_take_before_close_is_not_told_as_sent) {
  connect_raw();
  tls_peer().reset();
  here().write("lost");
  here().close();
  run_until_lost();
  EXPECT_TRUE(here().reason) << "as without TLS, where the write finds it broken";
}

TEST_P(Tls, T8_paused_and_closed_in_one_callback_it_still_hears_the_answer) {
  connect_raw();
  here().on.some_received = [&] {
    here().pause_reading();
    here().close();
  };
  peer().send("enough");
  run_until_lost();
  EXPECT_FALSE(here().reason) << here().reason.message();
}

TEST_P(Tls, T8_a_connection_that_is_dropped_before_its_handshake_began_is_gone) {
  if (GetParam().side == Side::connecting) GTEST_SKIP() << "only a server has clients to drop";
  ServerOptions options;
  const TlsContext context = server_context(GetParam());
  options.tls = context;
  Server server;
  TracedEnd& end = rig().make_end("dropped");
  const auto factory = [&] {
    loop().call_soon([&] { server.abort_clients(); });  // its turn is before the handshake's
    return end.make_protocol(Receiver::plain);
  };
  server = loop().run_until_complete(loop().create_server(factory, "127.0.0.1", 0, options));
  RawPeer visitor = raw_visitor(server.endpoints().front());
  rig().run_until([&] { return visitor.at_end(); }, "the end of a client that was dropped");
  EXPECT_EQ(end.made_count, 0);
  server.close();
  loop().run_until_complete(server.wait_closed());
}

// --- T2, T8 --------------------------------------------------------------------------------------

TEST_P(Tls, T2_times_that_are_not_positive_are_refused_by_every_call) {
  connect_raw();
  const TlsContext server = server_context(GetParam());
  const TlsContext client = client_context(GetParam());
  const auto factory = [] { return std::make_shared<Protocol>(); };
  const auto text = [](const auto& call) { return thrown_text<std::invalid_argument>(call); };
  for (const Duration bad : {Duration::zero(), Duration(-1)}) {
    EXPECT_THAT(text([&] {
                  static_cast<void>(loop().create_server(factory, "127.0.0.1", 0,
                                                         {.tls = server, .tls_handshake_timeout = bad}));
                }),
                HasSubstr("create_server: tls_handshake_timeout"));
    EXPECT_THAT(text([&] {
                  static_cast<void>(
                      loop().create_unix_server(factory, "@x", {.tls = server, .tls_shutdown_timeout = bad}));
                }),
                HasSubstr("create_unix_server: tls_shutdown_timeout"));
    EXPECT_THAT(text([&] {
                  static_cast<void>(loop().create_connection(factory, "127.0.0.1", 1,
                                                             {.tls = client, .tls_handshake_timeout = bad}));
                }),
                HasSubstr("create_connection: tls_handshake_timeout"));
    EXPECT_THAT(
        text([&] {
          static_cast<void>(loop().create_unix_connection(
              factory, "@x", {.tls = client, .server_hostname = "localhost", .tls_shutdown_timeout = bad}));
        }),
        HasSubstr("create_unix_connection: tls_shutdown_timeout"));
    EXPECT_THAT(text([&] {
                  auto [ours, theirs] = Socket::pair();
                  static_cast<void>(loop().connect_accepted_socket(
                      factory, std::move(ours), {.tls = server, .tls_shutdown_timeout = bad}));
                }),
                HasSubstr("connect_accepted_socket: tls_shutdown_timeout"));
  }
}

TEST_P(Tls, T2_options_of_tls_without_tls_and_contexts_for_the_other_side_are_refused) {
  connect_raw();
  const TlsContext server = server_context(GetParam());
  const TlsContext client = client_context(GetParam());
  const auto factory = [] { return std::make_shared<Protocol>(); };
  const auto text = [](const auto& call) { return thrown_text<std::invalid_argument>(call); };
  EXPECT_THAT(text([&] {
                static_cast<void>(loop().create_server(factory, "127.0.0.1", 0,
                                                       {.tls_handshake_timeout = std::chrono::seconds(1)}));
              }),
              HasSubstr("tls_handshake_timeout is only meaningful with tls"));
  EXPECT_THAT(
      text([&] {
        static_cast<void>(loop().create_connection(factory, "127.0.0.1", 1, {.server_hostname = "somebody"}));
      }),
      HasSubstr("server_hostname is only meaningful with tls"));
  EXPECT_THAT(
      text([&] { static_cast<void>(loop().create_server(factory, "127.0.0.1", 0, {.tls = client})); }),
      HasSubstr("the TLS context is for connecting, expected one for accepting"));
  EXPECT_THAT(
      text([&] { static_cast<void>(loop().create_connection(factory, "127.0.0.1", 1, {.tls = server})); }),
      HasSubstr("the TLS context is for accepting, expected one for connecting"));
  EXPECT_THAT(text([&] { static_cast<void>(loop().create_unix_connection(factory, "@x", {.tls = client})); }),
              HasSubstr("server_hostname is needed"));
}

// --- T4 ------------------------------------------------------------------------------------------

TEST_P(Tls, T4_what_has_arrived_when_reading_is_paused_is_held_and_no_more_is_taken_in) {
  connect_raw();
  here().on.some_received = [&] { here().pause_reading(); };
  std::size_t sent = 0;
  std::size_t sent_before_quiet = 1;
  while (sent != sent_before_quiet) {
    sent_before_quiet = sent;
    sent += peer().send_some(pattern(std::size_t{4} << 20U, sent));
    rig().run_until_quiet();
  }
  EXPECT_EQ(here().data_count + here().updated_count, 1);
  EXPECT_LT(sent, std::size_t{64} << 20U) << "the peer is held back in the end";
  here().on.some_received = {};
  here().resume_reading();
  rig().run_until([&] {
    static_cast<void>(tls_peer().flush());
    return here().received.size() >= sent;
  });
  EXPECT_TRUE(is_pattern(here().received));
}

TEST_P(Tls, T4_a_protocol_that_pauses_after_every_piece_gets_them_all_in_order) {
  connect_raw();
  here().buffer_size_bytes = 1000;
  here().on.some_received = [&] {
    here().pause_reading();
    loop().call_soon([&] { here().resume_reading(); });
  };
  peer().send(pattern(60'000));
  rig().run_until([&] { return here().received.size() == 60'000; });
  EXPECT_TRUE(is_pattern(here().received));
  rig().run_until_quiet();
}

TEST_P(Tls, T4_both_what_is_not_encrypted_and_what_is_not_taken_counts_as_buffered) {
  connect_raw();
  const std::size_t written = fill_kernel();
  const std::size_t before = here().buffered();
  here().write(pattern(100'000, written));
  EXPECT_EQ(here().buffered(), before + 100'000) << "as plaintext: the transport below has enough to do";
  here().close();
  rig().run_until([&] { return peer().has(written + 100'000); });
  EXPECT_TRUE(is_pattern(peer().received));
}

// --- T5 ------------------------------------------------------------------------------------------

TEST_P(Tls, T5_extra_info_tells_of_tls_and_of_what_is_below) {
  connect_raw();
  Transport& transport = here().transport();
  const auto cipher = std::any_cast<TlsCipher>(transport.get_extra_info("cipher"));
  EXPECT_THAT(cipher.name, HasSubstr("TLS_"));
  EXPECT_EQ(cipher.protocol, "TLSv1.3");
  EXPECT_GE(cipher.secret_bits, 128);
  EXPECT_EQ(std::any_cast<std::string>(transport.get_extra_info("compression")), "");
  const bool is_client = GetParam().side == Side::connecting;
  const TlsContext used = is_client ? client_context(GetParam()) : server_context(GetParam());
  EXPECT_EQ(std::any_cast<TlsContext>(transport.get_extra_info("sslcontext")), used);
  const auto object = std::any_cast<std::shared_ptr<const TlsObject>>(transport.get_extra_info("ssl_object"));
  EXPECT_EQ(object, tls_object(transport));
  EXPECT_EQ(object->version(), "TLSv1.3");
  const std::any certificate = transport.get_extra_info("peercert");
  ASSERT_EQ(certificate.has_value(), is_client) << "the client shows none";
  if (is_client) {
    EXPECT_THAT(std::any_cast<TlsCertificate>(certificate).dns_names, ::testing::ElementsAre("localhost"));
  }
  EXPECT_EQ(std::any_cast<SocketView>(transport.get_extra_info("socket")).descriptor().number,
            transport.socket().descriptor().number);
  EXPECT_EQ(std::any_cast<Endpoint>(transport.get_extra_info("sockname")), transport.sockname());
  EXPECT_EQ(std::any_cast<Endpoint>(transport.get_extra_info("peername")), transport.peername());
  EXPECT_FALSE(transport.get_extra_info("nonsense").has_value());
  here().abort();
  run_until_lost();
  EXPECT_EQ(object->version(), "TLSv1.3") << "it stays true after the end";
  EXPECT_EQ(tls_object(transport), object);
}

// --- W, R ----------------------------------------------------------------------------------------

TEST_P(Tls, W5_there_is_no_half_close) {
  connect_raw();
  EXPECT_FALSE(here().transport().can_write_eof());
  EXPECT_THROW(here().write_eof(), NotSupportedError);
  here().write("unharmed");
  rig().run_until([&] { return peer().has(8); });
}

TEST_P(Tls, W3_writes_after_close_are_ignored_and_from_the_fifth_on_warned_of) {
  connect_raw();
  here().write("before");
  here().close();
  for (int count = 0; count < 4; ++count) here().write("after");
  EXPECT_THAT(rig().take_warnings(), ::testing::IsEmpty());
  here().write("after");
  EXPECT_THAT(rig().take_warnings(), ::testing::ElementsAre(HasSubstr("closing or lost")));
  run_until_lost();
  EXPECT_EQ(peer().received, "before");
}

TEST_P(Tls, R3_staying_open_after_the_end_of_file_is_not_possible_and_is_warned_of) {
  connect_raw();
  here().keep_open_after_eof = true;
  peer().shutdown_write();
  run_until_lost();
  EXPECT_THAT(rig().take_warnings(),
              ::testing::ElementsAre("returning true from eof_received() has no effect when using TLS"));
  EXPECT_FALSE(here().reason);
}

TEST_P(Tls, W6_several_small_writes_are_collected_before_they_are_encrypted) {
  connect_raw();
  std::size_t largest = 0;
  rig().in_loop([&] {
    for (int count = 0; count < 100; ++count) here().write("0123456789");
    largest = here().buffered();
  });
  EXPECT_EQ(largest, 1000U) << "nothing is encrypted yet";
  rig().run_until([&] { return peer().has(1000); });
}

INSTANTIATE_TEST_SUITE_P(Streams, Tls, ::testing::ValuesIn(every_tls_ground()), name_of);

}  // namespace
}  // namespace tidegate::contract
