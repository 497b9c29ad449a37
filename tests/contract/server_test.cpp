// Where servers listen and with which options (C1). What they do then is in serving_test.cpp, accepting under
// shortage (C2) in tests/budget, where system calls can be made to fail.
#include <tidegate/tidegate.hpp>

#include "contract/server_rig.hpp"

#include <cerrno>
#include <string>
#include <vector>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace tidegate {
namespace {

using namespace std::chrono_literals;
using loop_rig::Echo;
using loop_rig::raw_connect;
using loop_rig::raw_receive_now;
using loop_rig::raw_send;
using loop_rig::Recorder;
using loop_rig::Recorders;
using testing::ElementsAre;
using testing::HasSubstr;

auto echo() {
  return [] { return std::make_unique<Echo>(); };
}

class Server_C1 : public loop_rig::ServerTest {};

bool machine_has_ipv6() {
  const OwnedFileDescriptor socket(FileDescriptor{::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0)});
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_addr = in6addr_loopback;
  return socket.valid() &&
         ::bind(socket.get().number, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

// --- where it listens --------------------------------------------------------------------------------------

TEST_F(Server_C1, every_connection_gets_a_fresh_protocol) {
  Server server = serve();
  const auto first = raw_connect(server.endpoints()[0]);
  const auto second = raw_connect(server.endpoints()[0]);
  EXPECT_TRUE(run_until([&] { return recorders.made_count() == 2; }));
  raw_send(first, "one");
  raw_send(second, "two");
  EXPECT_TRUE(run_until([&] { return recorders.all[0]->received + recorders.all[1]->received == "onetwo"; }));
  EXPECT_NE(recorders.all[0], recorders.all[1]);
  end(server);
}

TEST_F(Server_C1, port_0_lets_the_system_choose_and_the_endpoints_tell) {
  Server server = serve();
  ASSERT_EQ(server.endpoints().size(), 1U);
  EXPECT_EQ(server.endpoints()[0].host(), "127.0.0.1");
  EXPECT_NE(server.endpoints()[0].port(), Port(0));
  ASSERT_EQ(server.sockets().size(), 1U);
  EXPECT_EQ(server.sockets()[0].local_endpoint(), server.endpoints()[0]);
  end(server);
}

TEST_F(Server_C1, an_empty_host_is_every_interface_of_ipv4_and_ipv6_on_one_port) {
  Server server = run(loop().create_server(echo(), "", 0));
  const auto endpoints = server.endpoints();
  ASSERT_EQ(endpoints.size(), machine_has_ipv6() ? 2U : 1U);
  const Port port = endpoints[0].port();
  for (const Endpoint& endpoint : endpoints) EXPECT_EQ(endpoint.port(), port);
  EXPECT_TRUE(echoes(*Endpoint::from_numeric_host("127.0.0.1", port)));
  EXPECT_TRUE(echoes(*Endpoint::from_numeric_host("127.0.0.2", port)));
  if (machine_has_ipv6()) {
    EXPECT_TRUE(echoes(*Endpoint::from_numeric_host("::1", port)));
  }
  end(server);
}

TEST_F(Server_C1, one_family_can_be_asked_for) {
  Server server = run(loop().create_server(echo(), "", 0, {.family = AddressFamily::ipv4}));
  ASSERT_EQ(server.endpoints().size(), 1U);
  EXPECT_EQ(server.endpoints()[0].to_string(),
            "0.0.0.0:" + std::to_string(server.endpoints()[0].port().number()));
  end(server);
  if (!machine_has_ipv6()) GTEST_SKIP() << "this machine has no IPv6";
  Server six = run(loop().create_server(echo(), "", 0, {.family = AddressFamily::ipv6}));
  ASSERT_EQ(six.endpoints().size(), 1U);
  EXPECT_EQ(six.endpoints()[0].family(), AddressFamily::ipv6);
  end(six);
}

TEST_F(Server_C1, several_hosts_are_listened_at) {
  const std::vector<std::string> hosts{"127.0.0.1", "127.0.0.2", "127.0.0.1"};
  Server server = run(loop().create_server(echo(), hosts, 0));
  ASSERT_EQ(server.endpoints().size(), 2U) << "an address that is named twice is listened at once";
  EXPECT_EQ(server.endpoints()[0].host(), "127.0.0.1");
  EXPECT_EQ(server.endpoints()[1].host(), "127.0.0.2");
  for (const Endpoint& endpoint : server.endpoints()) EXPECT_TRUE(echoes(endpoint));
  end(server);
}

TEST_F(Server_C1, a_name_is_resolved) {
  Server server = run(loop().create_server(echo(), "localhost", 0));
  ASSERT_FALSE(server.endpoints().empty());
  for (const Endpoint& endpoint : server.endpoints()) EXPECT_TRUE(echoes(endpoint));
  end(server);
}

TEST_F(Server_C1, a_name_that_does_not_exist_fails_and_is_named) {
  EXPECT_THAT(loop_rig::thrown_text<ResolveError>(
                  [&] { static_cast<void>(run(loop().create_server(echo(), "no-such-host.invalid", 0))); }),
              HasSubstr("no-such-host.invalid"));
}

TEST_F(Server_C1, a_bound_socket_can_be_handed_over) {
  Socket socket = Socket::stream(AddressFamily::ipv4);
  socket.bind(*Endpoint::from_numeric_host("127.0.0.1", 0));
  const Endpoint bound = socket.view().local_endpoint();
  Server server = run(loop().create_server(echo(), std::move(socket)));
  EXPECT_THAT(server.endpoints(), ElementsAre(bound));
  EXPECT_TRUE(echoes(bound));
  end(server);
}

TEST_F(Server_C1, a_socket_that_listens_already_can_be_handed_over) {
  Socket socket = Socket::stream(AddressFamily::ipv4);
  socket.bind(*Endpoint::from_numeric_host("127.0.0.1", 0));
  socket.listen(5);
  const Endpoint bound = socket.view().local_endpoint();
  const auto early = raw_connect(bound);  // waits in the queue
  ASSERT_TRUE(early.valid());
  Server server = run(loop().create_server(recorders.factory(), std::move(socket)));
  EXPECT_TRUE(run_until([&] { return recorders.made_count() == 1; }));
  end(server);
}

TEST_F(Server_C1, a_socket_that_is_no_stream_is_refused_and_closed) {
  OwnedFileDescriptor datagram(FileDescriptor{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)});
  Socket socket(std::move(datagram));
  EXPECT_THROW(static_cast<void>(run(loop().create_server(echo(), std::move(socket)))),
               std::invalid_argument);
  auto [reader, writer] = loop_rig::make_pipe();
  Socket not_a_socket(std::move(reader));
  EXPECT_THROW(static_cast<void>(run(loop().create_server(echo(), std::move(not_a_socket)))),
               std::invalid_argument);
}

// --- options -----------------------------------------------------------------------------------------------

TEST_F(Server_C1, a_busy_port_is_named_by_the_error_and_nothing_leaks) {
  Server first = serve();
  const Port port = first.endpoints()[0].port();
  const auto open_before = loop_rig::open_descriptors();
  try {
    static_cast<void>(run(loop().create_server(echo(), "127.0.0.1", port)));
    ADD_FAILURE() << "two servers on one port";
  } catch (const OsError& error) {
    EXPECT_EQ(error.code(), std::errc::address_in_use);
    EXPECT_THAT(error.what(), HasSubstr("127.0.0.1:" + std::to_string(port.number())));
  }
  turns(3);
  EXPECT_EQ(loop_rig::open_descriptors(), open_before);
  // One busy address of several: all or nothing.
  const std::vector<std::string> hosts{"127.0.0.2", "127.0.0.1"};
  EXPECT_THROW(static_cast<void>(run(loop().create_server(echo(), hosts, port))), OsError);
  turns(3);
  EXPECT_EQ(loop_rig::open_descriptors(), open_before);
  EXPECT_FALSE(raw_connect(*Endpoint::from_numeric_host("127.0.0.2", port)).valid());
  end(first);
}

TEST_F(Server_C1, a_restarted_server_gets_its_address_back_at_once) {
  Server first = run(loop().create_server(echo(), "127.0.0.1", 0));
  const Port port = first.endpoints()[0].port();
  {
    const auto client = raw_connect(first.endpoints()[0]);
    ASSERT_TRUE(run_until([&] { return true; }));
    first.close_clients();  // the server's end goes first: its address stays in TIME_WAIT
    first.close();
    EXPECT_TRUE(run_until([&] { return raw_receive_now(client) == "<eof>" || !first.is_serving(); }));
    turns(5);
  }
  Server second = run(loop().create_server(echo(), "127.0.0.1", port));
  EXPECT_TRUE(echoes(second.endpoints()[0]));
  end(second);
  EXPECT_NE(second.loop().backend_name(), "");
}

TEST_F(Server_C1, reuse_address_can_be_switched_off) {
  Server on = serve();
  EXPECT_NE(on.sockets()[0].get_option(SOL_SOCKET, SO_REUSEADDR), 0);
  Server off = serve({.reuse_address = false});
  EXPECT_EQ(off.sockets()[0].get_option(SOL_SOCKET, SO_REUSEADDR), 0);
  end(on);
  end(off);
}

TEST_F(Server_C1, reuse_port_lets_several_servers_share_an_address) {
  Server first = serve({.reuse_port = true});
  const Port port = first.endpoints()[0].port();
  Server second = run(loop().create_server(recorders.factory(), "127.0.0.1", port, {.reuse_port = true}));
  EXPECT_THROW(static_cast<void>(run(loop().create_server(echo(), "127.0.0.1", port))), OsError);
  std::vector<OwnedFileDescriptor> clients;
  for (int count = 0; count < 32; ++count) clients.push_back(raw_connect(second.endpoints()[0]));
  EXPECT_TRUE(run_until([&] { return recorders.made_count() == 32; }));
  end(first);
  end(second);
}

TEST_F(Server_C1, keep_alive_is_inherited_by_what_is_accepted) {
  Server plain = serve();
  Server alive = serve({.keep_alive = true});
  const auto first = raw_connect(plain.endpoints()[0]);
  ASSERT_TRUE(run_until([&] { return recorders.made_count() == 1; }));
  const auto second = raw_connect(alive.endpoints()[0]);
  ASSERT_TRUE(run_until([&] { return recorders.made_count() == 2; }));
  EXPECT_EQ(recorders.all[0]->transport->socket().get_option(SOL_SOCKET, SO_KEEPALIVE), 0);
  EXPECT_NE(recorders.all[1]->transport->socket().get_option(SOL_SOCKET, SO_KEEPALIVE), 0);
  end(plain);
  end(alive);
}

TEST_F(Server_C1, small_writes_are_not_delayed_on_accepted_and_on_connected_sockets) {
  Server server = serve();
  auto client = run(loop().create_connection(echo(), "127.0.0.1", server.endpoints()[0].port()));
  ASSERT_TRUE(run_until([&] { return recorders.made_count() == 1; }));
  EXPECT_NE(client.transport->socket().get_option(IPPROTO_TCP, TCP_NODELAY), 0);
  EXPECT_NE(recorders.all[0]->transport->socket().get_option(IPPROTO_TCP, TCP_NODELAY), 0);
  client.transport->abort();
  end(server);

  Socket handed = Socket::stream(AddressFamily::ipv4);
  handed.bind(*Endpoint::from_numeric_host("127.0.0.1", 0));
  Server over_socket = run(loop().create_server(recorders.factory(), std::move(handed)));
  const auto raw = raw_connect(over_socket.endpoints()[0]);
  ASSERT_TRUE(run_until([&] { return recorders.made_count() == 2; }));
  EXPECT_NE(recorders.all[1]->transport->socket().get_option(IPPROTO_TCP, TCP_NODELAY), 0);
  end(over_socket);
}

TEST_F(Server_C1, a_backlog_below_one_is_refused) {
  for (const int backlog : {0, -1}) {
    EXPECT_THAT(loop_rig::thrown_text<std::invalid_argument>([&] {
                  static_cast<void>(run(loop().create_server(echo(), "127.0.0.1", 0, {.backlog = backlog})));
                }),
                HasSubstr(std::to_string(backlog)));
    EXPECT_THROW(
        static_cast<void>(run(loop().create_unix_server(echo(), "@tidegate-backlog", {.backlog = backlog}))),
        std::invalid_argument);
  }
}

TEST_F(Server_C1, an_empty_list_of_hosts_is_refused) {
  const std::vector<std::string> nobody;
  EXPECT_THROW(static_cast<void>(run(loop().create_server(echo(), nobody, 0))), std::invalid_argument);
}

TEST_F(Server_C1, the_options_may_be_gone_when_the_call_is_awaited) {
  auto options = std::make_unique<ServerOptions>(ServerOptions{.backlog = 7, .keep_alive = true});
  auto host = std::make_unique<std::string>("127.0.0.1");
  auto creating = loop().create_server(recorders.factory(), *host, 0, *options);
  options.reset();
  host.reset();
  Server server = run(std::move(creating));
  EXPECT_NE(server.sockets()[0].get_option(SOL_SOCKET, SO_KEEPALIVE), 0);
  end(server);
}

}  // namespace
}  // namespace tidegate
