// create_datagram_endpoint (C4): addresses and families, options, sockets that exist already, and what is
// refused.
#include "contract/datagram_rig.hpp"

#include <cerrno>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include <netinet/in.h>
#include <sys/socket.h>

namespace tidegate::contract {
namespace {

using ::testing::HasSubstr;

auto recorder() {
  return [] { return std::make_shared<DatagramRecorder>(); };
}

class DatagramEndpoints_C4 : public DatagramTest {
 protected:
  Opened open_with(const DatagramOptions& options) {
    return run(loop().create_datagram_endpoint(recorder(), options));
  }
  /// The text of the argument error, or "nothing".
  std::string refusal(const DatagramOptions& options) {
    return thrown_text<std::invalid_argument>([&] { static_cast<void>(open_with(options)); });
  }
};

// --- on every ground -------------------------------------------------------------------------------------

TEST_P(DatagramEndpoints_C4, an_address_that_is_taken_is_named_and_nothing_is_left_open) {
  const PlainSocket taken = plain_socket();
  const auto before = loop_rig::open_descriptors();
  try {
    static_cast<void>(open(taken.endpoint()));
    ADD_FAILURE() << "two sockets at one address";
  } catch (const OsError& error) {
    EXPECT_EQ(error.code(), std::errc::address_in_use);
    EXPECT_THAT(error.what(), HasSubstr(taken.endpoint().to_string()));
  }
  EXPECT_EQ(loop_rig::open_descriptors(), before);
}

TEST_P(DatagramEndpoints_C4, a_factory_that_throws_or_makes_nothing_leaves_nothing_open) {
  const auto before = loop_rig::open_descriptors();
  const Endpoint local = somewhere();
  const std::string text = text_of(local);
  DatagramOptions options;
  options.local = address_of(local, text);
  auto throws = []() -> std::shared_ptr<DatagramRecorder> { throw std::runtime_error("no protocol today"); };
  EXPECT_EQ(thrown_text<std::runtime_error>(
                [&] { static_cast<void>(run(loop().create_datagram_endpoint(throws, options))); }),
            "no protocol today");
  auto makes_nothing = []() -> std::shared_ptr<DatagramRecorder> { return nullptr; };
  EXPECT_THROW(static_cast<void>(run(loop().create_datagram_endpoint(makes_nothing, options))),
               std::invalid_argument);
  turns(2);
  EXPECT_EQ(loop_rig::open_descriptors(), before);
}

TEST_P(DatagramEndpoints_C4, cancelled_before_connection_made_it_closes_the_socket) {
  const auto before = loop_rig::open_descriptors();
  const Endpoint local = somewhere();
  const std::string text = text_of(local);
  DatagramOptions options;
  options.local = address_of(local, text);
  std::optional<TaskHandle<Opened>> task;
  auto factory = [&task] {
    task->cancel();  // heard at the next await, which is before connection_made
    return std::make_shared<DatagramRecorder>();
  };
  task = loop().create_task(loop().create_datagram_endpoint(factory, options));
  EXPECT_TRUE(run_until([&] { return task->done(); }));
  EXPECT_TRUE(task->cancelled());
  turns(3);
  EXPECT_EQ(loop_rig::open_descriptors(), before);
}

TEST_P(DatagramEndpoints_C4, a_socket_that_exists_is_taken_over_bound) {
  PlainSocket peer = plain_socket();
  Socket socket = Socket::datagram(somewhere().family());
  socket.bind(somewhere());
  const Endpoint local = socket.view().local_endpoint();
  Opened opened = run(loop().create_datagram_endpoint(recorder(), std::move(socket)));
  EXPECT_EQ(opened.transport->sockname(), local);
  EXPECT_TRUE(opened.transport->peername().empty());
  peer.send("hello", local);
  EXPECT_TRUE(run_until([&] { return !opened.protocol->received.empty(); }));
  opened.transport->sendto("back", opened.protocol->senders[0]);
  EXPECT_TRUE(run_until([&] { return !peer.receive().empty(); }));
  end(opened);
}

TEST_P(DatagramEndpoints_C4, a_socket_that_is_connected_has_a_remote_address) {
  PlainSocket peer = plain_socket();
  Socket socket = Socket::datagram(peer.endpoint().family());
  const net::SocketAddress address = net::to_sockaddr(peer.endpoint());
  ASSERT_EQ(::connect(socket.descriptor().number, address.get(), address.length), 0);
  Opened opened = run(loop().create_datagram_endpoint(recorder(), std::move(socket)));
  EXPECT_EQ(opened.transport->peername(), peer.endpoint());
  EXPECT_EQ(std::any_cast<Endpoint>(opened.transport->get_extra_info("peername")), peer.endpoint());
  opened.transport->sendto("hello");
  EXPECT_TRUE(run_until([&] { return !peer.receive().empty(); }));
  EXPECT_THROW(opened.transport->sendto("elsewhere", somewhere()), std::invalid_argument);
  end(opened);
}

TEST_P(DatagramEndpoints_C4, a_blocking_socket_is_made_non_blocking_and_close_on_exec) {
  const int family = net::to_native(somewhere().family());
  Socket socket(OwnedFileDescriptor(FileDescriptor{::socket(family, SOCK_DGRAM, 0)}));
  const int number = socket.descriptor().number;
  Opened opened = run(loop().create_datagram_endpoint(recorder(), std::move(socket)));
  EXPECT_NE(::fcntl(number, F_GETFL) & O_NONBLOCK, 0);
  EXPECT_NE(::fcntl(number, F_GETFD) & FD_CLOEXEC, 0);
  end(opened);
}

TEST_P(DatagramEndpoints_C4, anything_but_a_datagram_socket_is_refused) {
  for (const bool is_open : {true, false}) {
    Socket socket = is_open ? Socket::stream(somewhere().family()) : Socket();
    const std::string number = std::to_string(socket.descriptor().number);
    EXPECT_EQ(
        thrown_text<std::invalid_argument>(
            [&] { static_cast<void>(run(loop().create_datagram_endpoint(recorder(), std::move(socket)))); }),
        "create_datagram_endpoint: a datagram socket was expected, descriptor " + number + " is not one");
  }
}

TEST_P(DatagramEndpoints_C4, with_nothing_but_a_family_it_can_send) {
  PlainSocket peer = plain_socket();
  Opened opened = open_with({.family = peer.endpoint().family()});
  opened.transport->sendto("hello", peer.endpoint());
  EXPECT_TRUE(run_until([&] { return !peer.receive().empty(); }));
  end(opened);
}

INSTANTIATE_TEST_SUITE_P(Datagrams, DatagramEndpoints_C4, ::testing::ValuesIn(every_datagram_ground()),
                         name_of_datagrams);

// --- the internet ----------------------------------------------------------------------------------------

class UdpEndpoints_C4 : public DatagramEndpoints_C4 {};

TEST_P(UdpEndpoints_C4, arguments_that_fit_nothing_are_refused) {
  EXPECT_THAT(refusal({}), HasSubstr("neither a local nor a remote address, nor a family"));
  EXPECT_THAT(refusal({.local = {"127.0.0.1", 0}, .remote = {"/a/path"}}),
              HasSubstr("one address is a path"));
  EXPECT_THAT(refusal({.local = {"127.0.0.1", 0}, .family = AddressFamily::unix_domain}),
              HasSubstr("a path was expected"));
  EXPECT_THAT(refusal({.local = {"/a/path"}, .family = AddressFamily::ipv4}),
              HasSubstr("a host was expected"));
  EXPECT_THAT(refusal({.local = {"127.0.0.1", 0}, .remote = {"::1", 9}}), HasSubstr("no family in common"));
}

TEST_P(UdpEndpoints_C4, a_family_chooses_among_the_addresses_of_a_name) {
  const Endpoint wanted = somewhere();
  Opened opened = open_with({.local = {"", 0}, .family = wanted.family()});
  EXPECT_EQ(opened.transport->sockname().family(), wanted.family());
  end(opened);
}

TEST_P(UdpEndpoints_C4, sockets_may_share_a_port) {
  const std::string host = somewhere().host();
  Opened first = open_with({.local = {host, 0}, .reuse_port = true});
  const Port port = first.transport->sockname().port();
  Opened second = open_with({.local = {host, port}, .reuse_port = true});
  EXPECT_EQ(second.transport->sockname(), first.transport->sockname());
  EXPECT_THROW(static_cast<void>(open_with({.local = {host, port}})), OsError);
  end(first);
  end(second);
}

TEST_P(UdpEndpoints_C4, one_that_may_broadcast_is_not_connected) {
  PlainSocket peer = plain_socket();
  const PlainSocket other = plain_socket();
  const std::string host = peer.endpoint().host();
  Opened opened =
      open_with({.local = {host, 0}, .remote = {host, peer.endpoint().port()}, .allow_broadcast = true});
  EXPECT_EQ(opened.transport->socket().get_option(SOL_SOCKET, SO_BROADCAST), 1);
  EXPECT_TRUE(opened.transport->peername().empty());
  opened.transport->sendto("hello");
  EXPECT_TRUE(run_until([&] { return !peer.receive().empty(); }));
  EXPECT_THROW(opened.transport->sendto("elsewhere", other.endpoint()), std::invalid_argument);
  // Answers may come from anybody.
  other.send("I heard that", opened.transport->sockname());
  EXPECT_TRUE(run_until([&] { return !opened.protocol->received.empty(); }));
  end(opened);
}

TEST_P(UdpEndpoints_C4, without_it_a_broadcast_is_an_error) {
  if (GetParam().carrier != DatagramCarrier::udp_ipv4) GTEST_SKIP() << "IPv6 knows no broadcasts";
  Opened opened = open();
  opened.transport->sendto("all of you", *Endpoint::from_numeric_host("255.255.255.255", 9));
  ASSERT_EQ(opened.protocol->errors.size(), 1U);
  EXPECT_TRUE(opened.protocol->errors[0] == EACCES || opened.protocol->errors[0] == ENETUNREACH);
  end(opened);
}

INSTANTIATE_TEST_SUITE_P(Datagrams, UdpEndpoints_C4, ::testing::ValuesIn(udp_grounds()), name_of_datagrams);

// --- Unix ------------------------------------------------------------------------------------------------

class UnixDatagramEndpoints_C4 : public DatagramEndpoints_C4 {};

TEST_P(UnixDatagramEndpoints_C4, a_stale_file_is_replaced_and_a_live_one_is_not) {
  Endpoint local;
  {
    const PlainSocket gone = plain_socket();
    local = gone.endpoint();
  }
  ASSERT_TRUE(std::filesystem::exists(local.path()));
  Opened opened = open(local);
  EXPECT_THROW(static_cast<void>(open(local)), OsError);
  const PlainSocket peer = plain_socket();
  peer.send("still mine", local);
  EXPECT_TRUE(run_until([&] { return !opened.protocol->received.empty(); }));
  end(opened);
}

TEST_P(UnixDatagramEndpoints_C4, what_is_no_socket_of_that_kind_is_left_alone) {
  const Endpoint local = somewhere();
  Socket server = Socket::stream(AddressFamily::unix_domain);
  server.bind(local);
  EXPECT_THROW(static_cast<void>(open(local)), OsError);
  EXPECT_TRUE(std::filesystem::exists(local.path()));
}

TEST_P(UnixDatagramEndpoints_C4, an_abstract_name_needs_no_file) {
  const std::string name = "@tidegate-datagrams-" + std::to_string(::getpid());
  Opened server = open_with({.local = {name}});
  EXPECT_TRUE(server.transport->sockname().is_abstract());
  Opened client = open_with({.remote = {name}});
  client.transport->sendto("hello");
  EXPECT_TRUE(run_until([&] { return !server.protocol->received.empty(); }));
  end(client);
  end(server);
}

TEST_P(UnixDatagramEndpoints_C4, a_remote_path_where_nobody_is_is_an_error_that_names_it) {
  const Endpoint nobody = somewhere();
  try {
    static_cast<void>(open({}, nobody));
    ADD_FAILURE() << "connected to nothing";
  } catch (const OsError& error) {
    EXPECT_EQ(error.code(), std::errc::no_such_file_or_directory);
    EXPECT_THAT(error.what(), HasSubstr(nobody.to_string()));
  }
}

TEST_P(UnixDatagramEndpoints_C4, a_path_that_is_too_long_or_empty_is_refused) {
  EXPECT_THROW(static_cast<void>(open_with({.local = {std::string(200, 'p')}})), std::invalid_argument);
  EXPECT_THROW(static_cast<void>(open_with({.local = {""}})), std::invalid_argument);
}

INSTANTIATE_TEST_SUITE_P(Datagrams, UnixDatagramEndpoints_C4, ::testing::ValuesIn(grounds_that_fill()),
                         name_of_datagrams);

}  // namespace
}  // namespace tidegate::contract
