// Connecting: the outcome is told once, as the network says, or that it was given up.
#include "kernel/seam_test.hpp"

#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include <sys/socket.h>

namespace tidegate::kernel::testing {
namespace {

using namespace std::chrono_literals;

class SeamConnecting : public SeamTest {};

TEST_P(SeamConnecting, a_connect_succeeds_and_the_channel_carries_bytes) {
  const Listener listener = tcp_listener();
  const ChannelId channel = attach(tcp_socket());
  auto& connector = make<Connector>();
  connector.where = listener.address;
  start(connector, channel);
  EXPECT_TRUE(connector.in_flight()) << "told by dispatch or tell_done only";
  run_until([&] { return connector.ended(); });
  EXPECT_EQ(connector.last_end(), 0);
  RawPeer peer(OwnedFileDescriptor(FileDescriptor{
      ::accept4(listener.descriptor.get().number, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)}));
  auto& receiver = make<Receiver>();
  auto& sender = make<Sender>();
  start(receiver, channel);
  EXPECT_EQ(send_now(sender, channel, "out"), 3);
  run_until([&] { return peer.has(3); });
  peer.send("and in");
  run_until([&] { return receiver.bytes == "and in"; });
  expect_no_spin();
}

TEST_P(SeamConnecting, a_refusal_is_told) {
  net::SocketAddress nobody = tcp_listener().address;  // closed again
  auto& connector = make<Connector>();
  connector.where = nobody;
  start(connector, attach(tcp_socket()));
  run_until([&] { return connector.ended(); });
  EXPECT_EQ(connector.ends, std::vector<int>{-ECONNREFUSED});
  expect_no_spin();
}

TEST_P(SeamConnecting, one_that_nobody_answers_waits_without_spinning_and_can_be_cancelled) {
  for (const bool dispatched : {false, true}) {
    SCOPED_TRACE(dispatched);
    const FullListener full;
    const ChannelId channel = attach(tcp_socket());
    auto& connector = make<Connector>();
    connector.where = full.address();
    start(connector, channel);
    if (dispatched) {
      turns(2);
      expect_no_spin();
    }
    EXPECT_FALSE(connector.ended());
    cancel(connector);
    cancel(connector);
    run_until([&] { return connector.ended(); });
    EXPECT_EQ(connector.ends, std::vector<int>{-ECANCELED});
    close(channel);
    turns(2);
  }
}

TEST_P(SeamConnecting, cancelled_when_it_has_succeeded_already_it_completes_once) {
  const Listener listener = tcp_listener();
  const ChannelId channel = attach(tcp_socket());
  auto& connector = make<Connector>();
  connector.where = listener.address;
  start(connector, channel);
  backend().wait(100ms, Duration::zero());
  cancel(connector);
  run_until([&] { return connector.ended(); });
  run_until_quiet();
  EXPECT_EQ(connector.ends, std::vector<int>{-ECANCELED});
}

TEST_P(SeamConnecting, many_at_once) {
  const Listener listener = tcp_listener();
  std::vector<Connector*> connectors;
  for (int index = 0; index < 30; ++index) {
    connectors.push_back(&make<Connector>());
    connectors.back()->where = listener.address;
    start(*connectors.back(), attach(tcp_socket()));
  }
  for (const Connector* connector : connectors) {
    run_until([&] { return connector->ended(); });
    EXPECT_EQ(connector->last_end(), 0);
  }
}

TEST_P(SeamConnecting, the_end_may_close_the_channel_or_begin_anew) {
  const Listener listener = tcp_listener();
  net::SocketAddress nobody = tcp_listener().address;
  auto& connector = make<Connector>();
  connector.where = nobody;
  ChannelId channel = attach(tcp_socket());
  connector.on_completed = [&](int result) {
    if (result == 0) return;
    close(channel);
    channel = attach(tcp_socket());
    connector.where = listener.address;
    start(connector, channel);
  };
  start(connector, channel);
  run_until([&] { return connector.ends.size() == 2; });
  EXPECT_EQ(connector.ends, (std::vector<int>{-ECONNREFUSED, 0}));
}

TEST_P(SeamConnecting, a_channel_that_is_gone_ends_it_with_an_error) {
  const Listener listener = tcp_listener();
  const ChannelId gone = attach(tcp_socket());
  close(gone);
  auto& connector = make<Connector>();
  connector.where = listener.address;
  start(connector, gone);
  run_until([&] { return connector.ended(); });
  EXPECT_EQ(connector.last_end(), -EBADF);
}

INSTANTIATE_TEST_SUITE_P(Seam, SeamConnecting, ::testing::ValuesIn(grounds()), name_of);

}  // namespace
}  // namespace tidegate::kernel::testing
