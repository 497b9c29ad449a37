// Datagrams where others have failed before: addresses of the datagram before, scopes that get lost, ends
// that come twice or never, and loops that change their thread.
#include "contract/datagram_rig.hpp"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <ifaddrs.h>
#include <netinet/in.h>

namespace tidegate::contract {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;

class DatagramHazards : public DatagramTest {
 protected:
  /// Fills the way to a peer until something has to wait; how many datagrams that were in all.
  static std::size_t fill(const Opened& opened, const Endpoint& to) {
    std::size_t count = 0;
    while (opened.transport->get_write_buffer_size() == 0 && ++count < 100'000)
      opened.transport->sendto("waits", to);
    return count;
  }
};

// --- addresses -------------------------------------------------------------------------------------------

TEST_P(DatagramHazards, a_sender_without_a_name_has_not_that_of_the_one_before_D1) {
  if (!is_unix()) GTEST_SKIP() << "every internet socket has an address once it has sent something";
  Opened opened = open();
  const PlainSocket named = plain_socket();
  const Socket nameless = Socket::datagram(AddressFamily::unix_domain);
  const net::SocketAddress to = net::to_sockaddr(opened.transport->sockname());
  // More than a batch, so that every place has had both.
  std::vector<Endpoint> expected;
  for (std::size_t count = 0; count < 9; ++count) {
    if (count % 3 == 1) {
      ASSERT_EQ(::sendto(nameless.descriptor().number, "x", 1, 0, to.get(), to.length), 1);
      expected.push_back(Endpoint::unix_unnamed());
    } else {
      named.send("x", opened.transport->sockname());
      expected.push_back(named.endpoint());
    }
    if (count % 4 == 3) {
      EXPECT_TRUE(run_until([&] { return opened.protocol->senders.size() == expected.size(); }));
    }
  }
  EXPECT_TRUE(run_until([&] { return opened.protocol->senders.size() == expected.size(); }));
  EXPECT_EQ(opened.protocol->senders, expected);
  end(opened);
}

/// An address that means something together with an interface only.
std::optional<Endpoint> link_local_address() {
  ifaddrs* all = nullptr;
  if (::getifaddrs(&all) != 0) return std::nullopt;
  std::optional<Endpoint> found;
  for (const ifaddrs* each = all; each != nullptr && !found; each = each->ifa_next) {
    if (each->ifa_addr == nullptr || each->ifa_addr->sa_family != AF_INET6) continue;
    net::SocketAddress address;
    address.length = sizeof(sockaddr_in6);
    std::copy_n(reinterpret_cast<const char*>(each->ifa_addr), sizeof(sockaddr_in6),
                reinterpret_cast<char*>(address.get()));
    const Endpoint endpoint = net::from_sockaddr(address);
    if (endpoint.scope_id() != 0) found = endpoint;
  }
  ::freeifaddrs(all);
  return found;
}

TEST_P(DatagramHazards, the_scope_of_an_address_is_kept_both_ways_D1) {
  if (GetParam().carrier != DatagramCarrier::udp_ipv6) GTEST_SKIP() << "only IPv6 has scopes";
  const std::optional<Endpoint> place = link_local_address();
  if (!place) GTEST_SKIP() << "no interface of this machine has a link-local address";
  Opened server = open(place->with_port(0));
  EXPECT_EQ(server.transport->sockname().scope_id(), place->scope_id());
  // By its name, with the interface behind it, and as it is.
  for (const bool connected : {true, false}) {
    SCOPED_TRACE(connected);
    Opened client = connected ? open({}, server.transport->sockname()) : open(place->with_port(0));
    server.protocol->on_datagram = [&](BytesView data, const Endpoint& from) {
      EXPECT_EQ(from.scope_id(), place->scope_id());
      EXPECT_EQ(from, client.transport->sockname());
      server.transport->sendto(data, from);
    };
    client.transport->sendto("scoped", server.transport->sockname());
    EXPECT_TRUE(run_until([&] { return !client.protocol->received.empty(); }));
    EXPECT_THAT(client.protocol->received, ElementsAre("scoped"));
    EXPECT_THAT(client.protocol->senders, ElementsAre(server.transport->sockname()));
    if (connected) {
      EXPECT_EQ(client.transport->peername(), server.transport->sockname());
      EXPECT_THROW(client.transport->sendto("elsewhere", place->with_port(9)), std::invalid_argument);
    }
    server.protocol->on_datagram = nullptr;
    end(client);
  }
  end(server);
}

// --- ends ------------------------------------------------------------------------------------------------

TEST_P(DatagramHazards, whoever_ends_it_from_wherever_connection_lost_comes_once_L2) {
  const auto close = [](DatagramTransport& transport) { transport.close(); };
  const auto abort = [](DatagramTransport& transport) { transport.abort(); };
  const auto both = [](DatagramTransport& transport) {
    transport.close();
    transport.abort();
    transport.close();
  };
  const auto sending = [](DatagramTransport& transport) {
    transport.close();
    if (!transport.peername().empty()) transport.sendto("after the end");
    transport.abort();
  };
  for (void (*const ends)(DatagramTransport&) : {+close, +abort, +both, +sending}) {
    // Each with a peer of its own: a Unix socket lets nobody but its own peer connect to it.
    const PlainSocket first = plain_socket();
    const PlainSocket second = plain_socket();
    const PlainSocket third = plain_socket();
    // From outside.
    Opened opened = open_connected(first);
    ends(*opened.transport);
    EXPECT_TRUE(run_until([&] { return opened.protocol->lost; }));
    // From inside of receiving, with more behind it, and with an answer that has not left.
    opened = open_connected(second);
    opened.protocol->on_datagram = [&](BytesView data, const Endpoint&) {
      opened.transport->sendto(data);
      ends(*opened.transport);
    };
    for (const char* bytes : {"a", "b", "c"}) second.send(bytes, opened.transport->sockname());
    EXPECT_TRUE(run_until([&] { return opened.protocol->lost; }));
    EXPECT_EQ(opened.protocol->received.size(), 1U);
    // From inside of connection_lost, where nothing is left to end.
    opened = open_connected(third);
    opened.protocol->on_lost = [&] { ends(*opened.transport); };
    opened.transport->close();
    EXPECT_TRUE(run_until([&] { return opened.protocol->lost; }));
    turns(3);
    EXPECT_THAT(opened.protocol->calls, ElementsAre("made", "lost"));
    EXPECT_FALSE(opened.protocol->lost_reason);
  }
}

TEST_P(DatagramHazards, ended_from_inside_of_connection_made_it_receives_nothing_L2) {
  const PlainSocket peer = plain_socket();
  for (const bool abort : {false, true}) {
    SCOPED_TRACE(abort);
    Socket socket = Socket::datagram(somewhere().family());
    socket.bind(somewhere());
    peer.send("early", socket.view().local_endpoint());
    auto made = std::make_shared<DatagramRecorder>();
    made->on_made = [&] { abort ? made->transport->abort() : made->transport->close(); };
    static_cast<void>(run(loop().create_datagram_endpoint([&] { return made; }, std::move(socket))));
    EXPECT_TRUE(run_until([&] { return made->lost; }));
    turns(2);
    EXPECT_THAT(made->calls, ElementsAre("made", "lost"));
    EXPECT_TRUE(made->received.empty());
  }
}

TEST_P(DatagramHazards, what_is_sent_after_close_with_nothing_waiting_goes_nowhere_W3) {
  PlainSocket peer = plain_socket();
  Opened opened = open_connected(peer);
  opened.transport->close();
  opened.transport->sendto("too late");
  EXPECT_EQ(opened.transport->get_write_buffer_size(), 0U);
  EXPECT_TRUE(run_until([&] { return opened.protocol->lost; }));
  EXPECT_TRUE(peer.receive().empty());
}

TEST_P(DatagramHazards, close_with_a_full_queue_ends_also_where_the_peer_has_gone_D4) {
  if (!is_unix()) GTEST_SKIP() << "on loopback, UDP is delivered or dropped at once";
  for (const bool connected : {true, false}) {
    SCOPED_TRACE(connected);
    std::optional<PlainSocket> peer = plain_socket();
    const Endpoint to = peer->endpoint();
    Opened opened = connected ? open_connected(*peer) : open();
    fill(opened, to);
    for (int count = 0; count < 5; ++count) opened.transport->sendto("and more", to);
    opened.transport->close();
    peer.reset();
    EXPECT_TRUE(run_until([&] { return opened.protocol->lost; }));
    EXPECT_FALSE(opened.protocol->lost_reason);
    // Each of those that waited was refused, as the first was.
    EXPECT_EQ(opened.protocol->errors.size(), 6U);
    EXPECT_EQ(opened.transport->get_write_buffer_size(), 0U);
  }
}

TEST_P(DatagramHazards, a_peer_that_goes_while_we_are_paused_resumes_us_with_its_errors_F1) {
  if (!is_unix()) GTEST_SKIP() << "on loopback, UDP is delivered or dropped at once";
  std::optional<PlainSocket> peer = plain_socket();
  const Endpoint to = peer->endpoint();
  Opened opened = open_connected(*peer);
  opened.transport->set_write_buffer_limits({.high = 0, .low = {}});
  fill(opened, to);
  EXPECT_TRUE(opened.protocol->paused);
  for (int count = 0; count < 5; ++count) opened.transport->sendto("and more");
  peer.reset();
  EXPECT_TRUE(run_until([&] { return !opened.protocol->paused; }));
  EXPECT_EQ(opened.protocol->errors.size(), 6U);
  EXPECT_THAT(opened.protocol->calls, ElementsAre("made", "pause", "resume"));
  EXPECT_FALSE(opened.transport->is_closing());
  end(opened);
}

TEST_P(DatagramHazards, a_peer_that_turns_to_another_is_an_error_and_what_it_had_sent_arrives_D2) {
  if (!is_unix()) GTEST_SKIP() << "of that the internet tells nobody";
  PlainSocket peer = plain_socket();
  const PlainSocket other = plain_socket();
  Opened opened = open_connected(peer);
  opened.transport->sendto("never read");
  peer.send("one", opened.transport->sockname());
  peer.send("two", opened.transport->sockname());
  peer.connect(other.endpoint());
  EXPECT_TRUE(run_until([&] { return opened.protocol->received.size() == 2; }));
  EXPECT_THAT(opened.protocol->received, ElementsAre("one", "two"));
  EXPECT_THAT(opened.protocol->errors, ElementsAre(ECONNRESET));
  end(opened);
}

// --- ICMP ------------------------------------------------------------------------------------------------

TEST_P(DatagramHazards, errors_of_nobody_there_come_between_datagrams_and_stop_none_D2) {
  if (is_unix()) GTEST_SKIP() << "there it is the sender who is told, at once";
  // A peer that comes and goes at one address.
  std::optional<PlainSocket> peer = plain_socket();
  const Endpoint to = peer->endpoint();
  Opened opened = open(somewhere(), to);
  std::size_t answers = 0;
  for (int round = 0; round < 20; ++round) {
    peer.reset();
    opened.transport->sendto("is anybody there?");
    turns(2);
    peer.emplace(to);
    EXPECT_TRUE(run_until([&] {
      if (peer->receive().empty()) opened.transport->sendto("and now?");
      return !peer->receive().empty();
    }));
    peer->send("yes", opened.transport->sockname());
    ++answers;
    EXPECT_TRUE(run_until([&] { return opened.protocol->received.size() == answers; }));
  }
  EXPECT_GE(opened.protocol->errors.size(), 20U);
  EXPECT_THAT(opened.protocol->errors, Each(ECONNREFUSED));
  EXPECT_THAT(opened.protocol->received, Each("yes"));
  EXPECT_THAT(opened.protocol->calls, ElementsAre("made"));
  end(opened);
}

// --- threads ---------------------------------------------------------------------------------------------

TEST_P(DatagramHazards, a_loop_that_moves_to_another_thread_takes_its_datagrams_along_thread) {
  PlainSocket peer = plain_socket();
  Opened opened = open_connected(peer);
  opened.protocol->on_datagram = [&](BytesView data, const Endpoint&) { opened.transport->sendto(data); };
  std::vector<std::string> sent;
  const auto exchange = [&] {
    for (int count = 0; count < 5; ++count) {
      sent.push_back("datagram " + std::to_string(sent.size()));
      peer.send(sent.back(), opened.transport->sockname());
    }
    EXPECT_TRUE(run_until([&] { return peer.receive().size() == sent.size(); }));
  };
  exchange();
  for (int count = 0; count < 3; ++count) {
    // What arrives while nobody runs the loop waits for whoever does.
    sent.push_back("in between");
    peer.send(sent.back(), opened.transport->sockname());
    std::thread(exchange).join();
    exchange();
  }
  EXPECT_EQ(peer.received, sent);
  EXPECT_EQ(opened.protocol->received, sent);
  // With datagrams that wait for room as well.
  if (is_unix()) {
    opened.protocol->on_datagram = nullptr;
    std::size_t count = 0;
    std::thread([&] {
      count = fill(opened, peer.endpoint());
      turns(2);
    }).join();
    EXPECT_TRUE(run_until([&] { return peer.receive().size() == sent.size() + count; }));
  }
  end(opened);
}

INSTANTIATE_TEST_SUITE_P(Datagrams, DatagramHazards, ::testing::ValuesIn(every_datagram_ground()),
                         name_of_datagrams);

}  // namespace
}  // namespace tidegate::contract
