// The life of a datagram transport (L1 ... L10): what is called when, whoever ends it and whatever throws.
#include "contract/datagram_rig.hpp"

#include <cerrno>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace tidegate::contract {
namespace {

using ::testing::ElementsAre;

class DatagramLifecycle : public DatagramTest {};

TEST_P(DatagramLifecycle, connection_made_comes_before_the_call_returns_and_lost_once_L1_L2) {
  Opened opened = open();
  EXPECT_THAT(opened.protocol->calls, ElementsAre("made"));
  EXPECT_EQ(opened.protocol->transport, opened.transport);
  opened.transport->close();
  opened.transport->close();
  opened.transport->abort();
  EXPECT_FALSE(opened.protocol->lost) << "from inside of close()";
  EXPECT_TRUE(opened.transport->is_closing());
  EXPECT_TRUE(run_until([&] { return opened.protocol->lost; }));
  turns(3);
  EXPECT_THAT(opened.protocol->calls, ElementsAre("made", "lost"));
  EXPECT_FALSE(opened.protocol->lost_reason);
  EXPECT_EQ(opened.transport->get_protocol(), nullptr);
}

TEST_P(DatagramLifecycle, after_close_from_inside_nothing_more_of_a_batch_is_received_L4) {
  Opened opened = open();
  const PlainSocket peer = plain_socket();
  opened.protocol->on_datagram = [&](BytesView, const Endpoint&) {
    if (opened.protocol->received.size() == 2) opened.transport->close();
  };
  for (int count = 0; count < 6; ++count) peer.send("x", opened.transport->sockname());
  EXPECT_TRUE(run_until([&] { return opened.protocol->lost; }));
  EXPECT_EQ(opened.protocol->received.size(), 2U);
}

TEST_P(DatagramLifecycle, a_datagram_received_that_throws_is_reported_and_the_others_come_L7) {
  Opened opened = open();
  const PlainSocket peer = plain_socket();
  opened.protocol->on_datagram = [&](BytesView data, const Endpoint&) {
    if (data == BytesView("bad")) throw std::runtime_error("indigestible");
  };
  for (const char* bytes : {"good", "bad", "fine"}) peer.send(bytes, opened.transport->sockname());
  EXPECT_TRUE(run_until([&] { return opened.protocol->received.size() == 3; }));
  EXPECT_FALSE(opened.transport->is_closing());
  const std::vector<Report> reports = take_reports();
  ASSERT_EQ(reports.size(), 1U);
  EXPECT_EQ(reports[0].text(), "protocol.datagram_received() failed: indigestible");
  EXPECT_TRUE(reports[0].names_transport && reports[0].names_protocol);
  end(opened);
}

TEST_P(DatagramLifecycle, a_connection_made_or_lost_that_throws_is_reported_L7) {
  const Endpoint local = somewhere();
  const std::string text = text_of(local);
  DatagramOptions options;
  options.local = address_of(local, text);
  auto made = run(loop().create_datagram_endpoint(
      [] {
        auto protocol = std::make_shared<DatagramRecorder>();
        protocol->on_made = [] { throw std::runtime_error("not now"); };
        protocol->on_lost = [] { throw std::runtime_error("not ever"); };
        return protocol;
      },
      options));
  EXPECT_FALSE(made.transport->is_closing());
  EXPECT_EQ(take_reports().at(0).text(), "protocol.connection_made() failed: not now");
  made.protocol->lets_go = false;
  made.transport->close();
  EXPECT_TRUE(run_until([&] { return report_count() > 0; }));
  EXPECT_EQ(take_reports().at(0).text(), "protocol.connection_lost() failed: not ever");
  made.protocol->transport.reset();
}

TEST_P(DatagramLifecycle, another_protocol_gets_what_comes_next_also_from_inside_L8) {
  Opened opened = open();
  const PlainSocket peer = plain_socket();
  auto next = std::make_shared<DatagramRecorder>();
  opened.protocol->on_datagram = [&](BytesView, const Endpoint&) { opened.transport->set_protocol(next); };
  for (const char* bytes : {"old", "new", "newer"}) peer.send(bytes, opened.transport->sockname());
  EXPECT_TRUE(run_until([&] { return next->received.size() == 2; }));
  EXPECT_THAT(opened.protocol->received, ElementsAre("old"));
  EXPECT_THAT(next->received, ElementsAre("new", "newer"));
  EXPECT_EQ(opened.transport->get_protocol(), next);
  opened.transport->close();
  EXPECT_TRUE(run_until([&] { return next->lost; }));
  EXPECT_THAT(next->calls, ElementsAre("lost"));
  EXPECT_FALSE(opened.protocol->lost);
  opened.protocol->transport.reset();
}

TEST_P(DatagramLifecycle, a_protocol_of_another_kind_is_refused_L8) {
  Opened opened = open();
  EXPECT_THROW(opened.transport->set_protocol(std::make_shared<loop_rig::Recorder>()), std::invalid_argument);
  EXPECT_THROW(opened.transport->set_protocol(nullptr), std::invalid_argument);
  EXPECT_EQ(opened.transport->get_protocol(), opened.protocol);
  end(opened);
}

TEST_P(DatagramLifecycle, the_socket_is_there_until_connection_lost_has_returned_L9) {
  Opened opened = open();
  const Endpoint local = opened.transport->sockname();
  EXPECT_EQ(std::any_cast<Endpoint>(opened.transport->get_extra_info("sockname")), local);
  EXPECT_FALSE(opened.transport->get_extra_info("peername").has_value());
  EXPECT_TRUE(opened.transport->peername().empty());
  EXPECT_FALSE(opened.transport->get_extra_info("nonsense").has_value());
  opened.protocol->on_lost = [&] {
    EXPECT_EQ(opened.transport->socket().local_endpoint(), local);
    EXPECT_TRUE(opened.transport->get_extra_info("socket").has_value());
  };
  opened.transport->close();
  EXPECT_TRUE(run_until([&] { return opened.protocol->lost; }));
  EXPECT_FALSE(opened.transport->socket().descriptor().valid());
  EXPECT_FALSE(opened.transport->get_extra_info("socket").has_value());
  EXPECT_EQ(opened.transport->sockname(), local);
}

TEST_P(DatagramLifecycle, what_is_still_open_when_the_loop_closes_is_reported_and_released_L10) {
  auto protocol = open().protocol;
  end_loop();
  const std::vector<Report> reports = take_reports();
  ASSERT_EQ(reports.size(), 1U);
  EXPECT_EQ(reports[0].message, "unclosed transport");
  EXPECT_FALSE(protocol->lost);
  EXPECT_TRUE(protocol->transport->is_closing());
  protocol->transport->sendto("nobody is left", Endpoint::unix_path("/x"));
  protocol->transport->close();
  protocol->transport->abort();
  protocol->transport.reset();
}

TEST_P(DatagramLifecycle, closed_with_something_gathered_when_the_loop_closes_nothing_is_left_L10) {
  PlainSocket peer = plain_socket();
  Opened opened = open();
  run_inside(opened, peer, [&] {
    opened.transport->sendto("gathered", peer.endpoint());
    opened.transport->close();
    loop().stop();
  });
  EXPECT_EQ(peer.receive(), std::vector<std::string>{"gathered"}) << "flushed before run_forever returns";
  end_loop();
  EXPECT_TRUE(take_reports().empty()) << "it was closed";
  EXPECT_FALSE(opened.protocol->lost);
  opened.protocol->transport.reset();
}

TEST_P(DatagramLifecycle, dropping_every_reference_closes_nothing_L10) {
  PlainSocket peer = plain_socket();
  Endpoint local;
  std::weak_ptr<DatagramRecorder> weak;
  {
    Opened opened = open();
    local = opened.transport->sockname();
    opened.protocol->transport.reset();
    weak = opened.protocol;
  }
  turns(2);
  ASSERT_FALSE(weak.expired());
  peer.send("still there?", local);
  EXPECT_TRUE(run_until([&] { return !weak.lock()->received.empty(); }));
  end_loop();
  EXPECT_EQ(take_reports().size(), 1U);
  EXPECT_TRUE(weak.expired());
}

TEST_P(DatagramLifecycle, what_is_sent_after_the_end_is_ignored_and_from_the_fifth_on_warned_of_W3) {
  PlainSocket peer = plain_socket();
  Opened opened = open();
  end(opened);
  const LogCapture log;
  for (int count = 0; count < 4; ++count) opened.transport->sendto("x", peer.endpoint());
  EXPECT_TRUE(log.lines().empty());
  opened.transport->sendto("x", peer.endpoint());
  ASSERT_EQ(log.lines().size(), 1U);
  EXPECT_EQ(log.levels()[0], LogLevel::warning);
  turns(2);
  EXPECT_TRUE(peer.receive().empty());
}

TEST_P(DatagramLifecycle, a_call_from_a_wrong_thread_is_refused_in_debug_mode_thread_E3) {
  Opened opened = open();
  loop().set_debug(true);
  const LogCapture log;
  bool refused = false;
  TimerHandle timer = loop().call_later(Duration::zero(), [&] {
    std::thread([&] {
      try {
        opened.transport->abort();
      } catch (const InvalidStateError&) {
        refused = true;
      }
    }).join();
  });
  EXPECT_TRUE(run_until([&] { return refused; }));
  loop().set_debug(false);
  end(opened);
}

INSTANTIATE_TEST_SUITE_P(Datagrams, DatagramLifecycle, ::testing::ValuesIn(every_datagram_ground()),
                         name_of_datagrams);

}  // namespace
}  // namespace tidegate::contract
