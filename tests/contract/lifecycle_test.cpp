// How a connection begins and ends: L1 to L3. What close and abort do is in closing_test.cpp.
#include "contract/contract_test.hpp"

#include <cerrno>
#include <string>
#include <vector>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace tidegate::contract {
namespace {

class StreamLifecycle : public ContractTest {
 protected:
  /// Every way in which a connection can end, from either end; `here()` and `peer()` are connected anew for
  /// each.
  std::vector<std::pair<const char*, std::function<void()>>> ways_to_end() {
    return {{"close", [this] { here().close(); }},
            {"abort", [this] { here().abort(); }},
            {"close and abort", [this] { here().close(), here().abort(), here().close(); }},
            {"end of file", [this] { peer().shutdown_write(); }},
            {"closed by the peer", [this] { peer().close(); }},
            {"reset by the peer", [this] { reset_by_peer(); }},
            {"both at a time", [this] { here().close(), peer().close(); }},
            {"abort at a time", [this] { here().abort(), reset_peer_quietly(); }},
            {"close with the peer not reading", [this] { fill_kernel(), here().close(), peer().close(); }}};
  }

  void reset_peer_quietly() { peer().reset(); }
};

// --- L1 ------------------------------------------------------------------------------------------

TEST_P(StreamLifecycle, L1_connection_made_comes_once_and_before_what_had_arrived_earlier) {
  connect_raw([&] { peer().send("early"); });
  rig().run_until([&] { return here().received == "early"; });
  rig().run_until_quiet();
  EXPECT_EQ(here().made_count, 1);
}

TEST_P(StreamLifecycle, L1_connection_made_has_been_called_when_the_connecting_call_returns) {
  if (rig().ground().side == Side::accepted && rig().ground().carrier != Carrier::socket_pair) {
    GTEST_SKIP() << "an accepted connection has no connecting call";
  }
  connect_raw();
  EXPECT_TRUE(rig().made_on_return());
}

TEST_P(StreamLifecycle, L1_connection_made_waits_for_its_turn_behind_what_was_queued_before) {
  connect_raw([&] {
    loop().call_soon([this] {
      here().note("queued before");
      EXPECT_EQ(here().made_count, 0);
    });
  });
  EXPECT_EQ(here().made_count, 1);
}

TEST_P(StreamLifecycle, L1_the_transport_is_whole_inside_connection_made) {
  connect_raw([&] {
    here().on.connection_made = [&] {
      Transport& transport = here().transport();
      EXPECT_TRUE(transport.is_reading());
      EXPECT_FALSE(transport.is_closing());
      EXPECT_EQ(transport.can_write_eof(), !rig().ground().is_tls());
      EXPECT_NE(transport.get_protocol(), nullptr);
      EXPECT_EQ(&transport.loop(), &loop());
      EXPECT_TRUE(transport.socket().descriptor().valid());
      EXPECT_EQ(transport.sockname(), transport.socket().local_endpoint());
      EXPECT_EQ(transport.peername(), transport.socket().remote_endpoint());
      // Of TLS the last of the handshake may still be there.
      if (!rig().ground().is_tls()) {
        EXPECT_EQ(transport.get_write_buffer_size(), 0U);
      }
      here().write("greeting");
    };
  });
  rig().run_until([&] { return peer().has(8); });
  EXPECT_EQ(peer().received, "greeting");
}

TEST_P(StreamLifecycle, L1_L2_a_factory_that_throws_makes_no_connection_and_nothing_is_called) {
  const bool accepted =
      rig().ground().side == Side::accepted && rig().ground().carrier != Carrier::socket_pair;
  RawPeer* arrived = nullptr;
  const auto connect = [&] {
    rig().connect_raw_to(
        []() -> std::shared_ptr<BaseProtocol> { throw std::runtime_error("no protocol today"); },
        [&](RawPeer& raw) { arrived = &raw; }, [&] { return arrived->at_end(); });
  };
  if (accepted) {
    connect();
    EXPECT_EQ(describe(rig().take_report().exception), "no protocol today");
  } else {
    EXPECT_EQ(thrown_text<std::runtime_error>(connect), "no protocol today");
    rig().run_until([&] { return arrived->at_end(); });
  }
}

// --- L2 ------------------------------------------------------------------------------------------

TEST_P(StreamLifecycle, L2_connection_lost_comes_once_and_last_whoever_ends_the_connection) {
  for (const auto& [name, end_it] : ways_to_end()) {
    SCOPED_TRACE(name);
    connect_raw();
    peer().send("data before the end");
    rig().run_until([&] { return !here().received.empty(); });
    end_it();
    run_until_lost();
    rig().run_until_quiet();
    EXPECT_EQ(here().lost_count, 1);
    EXPECT_TRUE(here().transport().is_closing());
  }
}

TEST_P(StreamLifecycle, L2_nothing_is_called_after_connection_lost_whatever_is_done_to_the_transport) {
  for (const auto& [name, end_it] : ways_to_end()) {
    SCOPED_TRACE(name);
    connect_raw();
    end_it();
    run_until_lost();
    Transport& transport = here().transport();
    here().resume_reading();
    here().pause_reading();
    here().resume_reading();
    here().write("too late");
    here().write(Chunk(std::string(100, 'x')));
    here().set_limits({.high = 0});
    here().close();
    here().abort();
    if (!transport.is_closing()) ADD_FAILURE();
    EXPECT_FALSE(transport.is_reading());
    EXPECT_EQ(transport.get_write_buffer_size(), 0U);
    if (!rig().ground().is_tls()) here().write_eof();
    rig().run_until_quiet();  // the trace fails the test where anything is called
  }
}

TEST_P(StreamLifecycle, L2_connection_lost_is_not_called_where_connection_made_never_was) {
  auto [ours, theirs] = Socket::pair();
  TracedEnd& end = rig().make_end("cancelled");
  TaskHandle<Connection<BaseProtocol>> connecting;
  const auto factory = [&] {
    loop().call_soon([&] { connecting.cancel(); });  // its turn is before connection_made
    return end.make_protocol(rig().ground().receiver);
  };
  connecting = loop().create_task(loop().create_connection(factory, std::move(ours)));
  rig().run_until([&] { return connecting.done(); });
  rig().run_until_quiet();
  EXPECT_TRUE(connecting.cancelled());
  EXPECT_EQ(end.made_count, 0);
  EXPECT_EQ(end.lost_count, 0);
  EXPECT_EQ(end.protocols_alive(), 0);
}

TEST_P(StreamLifecycle, L2_connection_lost_comes_in_its_turn_and_never_inside_the_call) {
  if (rig().ground().is_tls()) GTEST_SKIP() << "the peer's answer is awaited";
  for (const bool aborts : {false, true}) {
    connect_raw();
    std::string order;
    here().on.connection_lost = [&](const Error&) { order += "lost "; };
    rig().in_loop([&] {
      loop().call_soon([&] { order += "before "; });
      aborts ? here().abort() : here().close();
      order += "returned ";
      loop().call_soon([&] { order += "after "; });
    });
    rig().run_until([&] { return order.ends_with("after "); });
    run_until_lost();
    EXPECT_EQ(order, "returned before lost after ");
  }
}

TEST_P(StreamLifecycle, L2_connection_lost_does_not_come_inside_a_call_made_outside_of_the_loop) {
  for (const bool aborts : {false, true}) {
    connect_raw();
    aborts ? here().abort() : here().close();
    EXPECT_EQ(here().lost_count, 0);
    EXPECT_TRUE(here().transport().is_closing());
    run_until_lost();
  }
}

// --- L3 ------------------------------------------------------------------------------------------

TEST_P(StreamLifecycle, L3_the_reason_is_empty_for_close_abort_and_a_regular_end_of_file) {
  const std::function<void()> regular_ends[] = {[&] { here().close(); }, [&] { here().abort(); },
                                                [&] { peer().shutdown_write(); }, [&] { peer().close(); }};
  for (const auto& end_it : regular_ends) {
    connect_raw([&] { here().reason = Error(std::make_error_code(std::errc::io_error)); });
    end_it();
    run_until_lost();
    EXPECT_FALSE(here().reason) << here().reason.message();
    EXPECT_EQ(here().reason.exception(), nullptr);
  }
}

TEST_P(StreamLifecycle, L3_a_reset_by_the_peer_is_the_reason) {
  connect_raw();
  reset_by_peer();
  run_until_lost();
  EXPECT_EQ(here().reason.code(), std::errc::connection_reset) << here().reason.message();
  EXPECT_THROW(here().reason.raise(), std::system_error);
}

TEST_P(StreamLifecycle, L3_writing_to_a_peer_that_has_gone_is_the_reason) {
  if (rig().ground().is_tls()) GTEST_SKIP() << "TLS has no half-close";
  connect_raw([&] { here().keep_open_after_eof = true; });
  peer().close();
  rig().run_until([&] { return here().eof_count == 1 || here().lost(); });
  for (int writes = 0; !here().lost() && writes < 1000; ++writes) {
    here().write("anybody there?");
    rig().run_rounds(1);
  }
  run_until_lost();
  EXPECT_TRUE(here().reason.code() == std::errc::broken_pipe ||
              here().reason.code() == std::errc::connection_reset)
      << here().reason.message();
  static_cast<void>(rig().take_warnings());  // of writes after the loss
}

TEST_P(StreamLifecycle, L3_a_timeout_of_the_kernel_is_the_reason) {
  if (!rig().ground().is_tcp()) GTEST_SKIP() << "only TCP times out";
  connect_raw();
  here().transport().socket().set_option(IPPROTO_TCP, TCP_USER_TIMEOUT, 50);
  peer().play_dead();
  here().write("anybody there?");
  run_until_lost();
  EXPECT_EQ(here().reason.code(), std::errc::timed_out) << here().reason.message();
}

// --- L6 --------------------------------------------------------------------------------------------

TEST_P(StreamLifecycle, L6_is_closing_from_the_call_on_for_ever) {
  for (const auto& [name, end_it] : ways_to_end()) {
    SCOPED_TRACE(name);
    connect_raw();
    EXPECT_FALSE(here().transport().is_closing());
    end_it();
    run_until_lost();
    EXPECT_TRUE(here().transport().is_closing());
    rig().run_until_quiet();
    EXPECT_TRUE(here().transport().is_closing());
  }
}

INSTANTIATE_TEST_SUITE_P(Streams, StreamLifecycle, ::testing::ValuesIn(each_side()), name_of);

}  // namespace
}  // namespace tidegate::contract
