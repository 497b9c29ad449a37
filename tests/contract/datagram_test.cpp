// Datagrams on their way (D1, D2, D4): whole, in order, with their addresses; and what becomes of those that
// do not arrive.
#include "contract/datagram_rig.hpp"

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <string>
#include <vector>

namespace tidegate::contract {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Datagrams : public DatagramTest {};

// --- D1 --------------------------------------------------------------------------------------------------

TEST_P(Datagrams, each_is_one_call_with_its_boundaries_and_its_sender_D1) {
  Opened opened = open();
  const PlainSocket one = plain_socket();
  const PlainSocket two = plain_socket();
  std::vector<std::string> sent;
  std::vector<Endpoint> senders;
  for (std::size_t index = 0; index < 8; ++index) {
    const PlainSocket& from = index % 3 == 0 ? one : two;
    sent.push_back(pattern(index * 37 % 200, index));
    senders.push_back(from.endpoint());
    from.send(sent.back(), opened.transport->sockname());
  }
  EXPECT_TRUE(run_until([&] { return opened.protocol->received.size() == sent.size(); }));
  EXPECT_EQ(opened.protocol->received, sent);
  EXPECT_EQ(opened.protocol->senders, senders);
  end(opened);
}

TEST_P(Datagrams, empty_ones_are_datagrams_D1) {
  Opened opened = open();
  PlainSocket peer = plain_socket();
  for (const char* bytes : {"", "a", "", ""}) peer.send(bytes, opened.transport->sockname());
  EXPECT_TRUE(run_until([&] { return opened.protocol->received.size() == 4; }));
  EXPECT_THAT(opened.protocol->received, ElementsAre("", "a", "", ""));
  for (const char* bytes : {"", "b", ""}) opened.transport->sendto(bytes, peer.endpoint());
  EXPECT_TRUE(run_until([&] { return peer.receive().size() == 3; }));
  EXPECT_THAT(peer.received, ElementsAre("", "b", ""));
  end(opened);
}

TEST_P(Datagrams, the_largest_ones_arrive_whole_both_ways_D1) {
  Opened opened = open();
  PlainSocket peer = plain_socket();
  const std::string large = pattern(largest());
  peer.send(large, opened.transport->sockname());
  peer.send("after", opened.transport->sockname());
  EXPECT_TRUE(run_until([&] { return opened.protocol->received.size() == 2; }));
  EXPECT_TRUE(opened.protocol->received[0] == large);
  EXPECT_EQ(opened.protocol->received[1], "after");
  opened.transport->sendto(large, peer.endpoint());
  EXPECT_TRUE(run_until([&] { return !peer.receive().empty(); }));
  EXPECT_TRUE(peer.received[0] == large);
  // Also where it is gathered first.
  run_inside(opened, peer, [&] { opened.transport->sendto(large, peer.endpoint()); });
  EXPECT_TRUE(run_until([&] { return peer.receive().size() == 2; }));
  EXPECT_TRUE(peer.received[1] == large);
  EXPECT_TRUE(opened.protocol->errors.empty());
  end(opened);
}

TEST_P(Datagrams, a_socket_without_a_name_has_a_name_for_that_D1) {
  if (!is_unix()) GTEST_SKIP() << "every internet socket has an address once it has sent something";
  Opened opened = open();
  const Socket nameless = Socket::datagram(AddressFamily::unix_domain);
  const net::SocketAddress to = net::to_sockaddr(opened.transport->sockname());
  ASSERT_EQ(::sendto(nameless.descriptor().number, "x", 1, 0, to.get(), to.length), 1);
  EXPECT_TRUE(run_until([&] { return !opened.protocol->received.empty(); }));
  EXPECT_EQ(opened.protocol->senders[0], Endpoint::unix_unnamed());
  end(opened);
}

TEST_P(Datagrams, answers_of_one_size_and_of_others_leave_as_they_are_W6) {
  Opened server = open();
  Opened client = open(somewhere(), server.transport->sockname());
  std::vector<std::string> answers;
  for (std::size_t index = 0; index < 5; ++index) answers.push_back(pattern(400, index));
  for (const std::size_t size : {300UL, 200UL, 0UL, 400UL, 400UL}) answers.push_back(pattern(size, size));
  server.protocol->on_datagram = [&](BytesView, const Endpoint& from) {
    for (const std::string& answer : answers) server.transport->sendto(answer, from);
  };
  client.transport->sendto("go");
  EXPECT_TRUE(run_until([&] { return client.protocol->received.size() == answers.size(); }));
  EXPECT_TRUE(client.protocol->received == answers);
  const std::vector<Endpoint> from(answers.size(), server.transport->sockname());
  EXPECT_EQ(client.protocol->senders, from);
  end(client);
  end(server);
}

TEST_P(Datagrams, answers_to_several_reach_each_its_own_D1) {
  Opened server = open();
  server.protocol->on_datagram = [&](BytesView data, const Endpoint& from) {
    server.transport->sendto(data, from);
    server.transport->sendto("again", from);
  };
  std::vector<PlainSocket> peers;
  for (int index = 0; index < 4; ++index) peers.push_back(plain_socket());
  for (std::size_t index = 0; index < peers.size(); ++index)
    peers[index].send("to " + std::to_string(index), server.transport->sockname());
  for (std::size_t index = 0; index < peers.size(); ++index) {
    EXPECT_TRUE(run_until([&] { return peers[index].receive().size() == 2; }));
    EXPECT_THAT(peers[index].received, ElementsAre("to " + std::to_string(index), "again"));
  }
  end(server);
}

TEST_P(Datagrams, a_connected_one_hears_nobody_else_D1) {
  if (is_unix()) GTEST_SKIP() << "the kernel tells the others so: see the next test";
  PlainSocket peer = plain_socket();
  const PlainSocket stranger = plain_socket();
  Opened opened = open_connected(peer);
  EXPECT_EQ(opened.transport->peername(), peer.endpoint());
  stranger.send("psst", opened.transport->sockname());
  peer.send("hello", opened.transport->sockname());
  EXPECT_TRUE(run_until([&] { return !opened.protocol->received.empty(); }));
  EXPECT_THAT(opened.protocol->received, ElementsAre("hello"));
  end(opened);
}

// --- D2 --------------------------------------------------------------------------------------------------

TEST_P(Datagrams, where_there_is_a_remote_address_any_other_is_an_argument_error_D2) {
  PlainSocket peer = plain_socket();
  const PlainSocket other = plain_socket();
  Opened opened = open_connected(peer);
  opened.transport->sendto("none");
  opened.transport->sendto("the same", peer.endpoint());
  opened.transport->sendto("empty", Endpoint());
  EXPECT_THAT(thrown_text<std::invalid_argument>([&] { opened.transport->sendto("no", other.endpoint()); }),
              HasSubstr("must be none or " + peer.endpoint().to_string()));
  EXPECT_TRUE(run_until([&] { return peer.receive().size() == 3; }));
  EXPECT_THAT(peer.received, ElementsAre("none", "the same", "empty"));
  end(opened);
}

TEST_P(Datagrams, where_there_is_none_an_address_is_needed_D2) {
  Opened opened = open();
  EXPECT_THROW(opened.transport->sendto("whereto?"), std::invalid_argument);
  EXPECT_THROW(opened.transport->sendto("whereto?", Endpoint()), std::invalid_argument);
  EXPECT_FALSE(opened.transport->is_closing());
  end(opened);
}

TEST_P(Datagrams, one_that_is_too_large_is_an_error_and_the_others_go_on_D2) {
  if (is_unix()) GTEST_SKIP() << "how large is too large there depends on the machine";
  PlainSocket peer = plain_socket();
  Opened opened = open_connected(peer);
  const std::string too_large(65'528, 'x');  // for IPv6 as well
  opened.transport->sendto("before");
  opened.transport->sendto(too_large);
  EXPECT_THAT(opened.protocol->errors, ElementsAre(EMSGSIZE));
  opened.transport->sendto("after");
  run_inside(opened, peer, [&] {
    for (const std::string& bytes :
         {std::string("a"), std::string("b"), too_large, std::string("c"), too_large})
      opened.transport->sendto(bytes);
  });
  EXPECT_TRUE(run_until([&] { return peer.receive().size() == 5 && opened.protocol->errors.size() == 3; }));
  EXPECT_THAT(peer.received, ElementsAre("before", "after", "a", "b", "c"));
  EXPECT_THAT(opened.protocol->errors, ElementsAre(EMSGSIZE, EMSGSIZE, EMSGSIZE));
  EXPECT_EQ(opened.transport->get_write_buffer_size(), 0U);
  end(opened);
}

TEST_P(Datagrams, nobody_there_is_an_error_and_the_transport_lives_on_D2) {
  Endpoint nobody;
  {
    const PlainSocket gone = plain_socket();
    nobody = gone.endpoint();
  }
  Opened opened = is_unix() ? open() : open(somewhere(), nobody);
  opened.transport->sendto("anybody?", nobody);
  EXPECT_TRUE(run_until([&] { return !opened.protocol->errors.empty(); }));
  EXPECT_EQ(opened.protocol->errors[0], ECONNREFUSED);
  EXPECT_FALSE(opened.transport->is_closing());
  if (is_unix()) std::filesystem::remove(nobody.path());
  PlainSocket somebody(nobody);
  // The kernel may have one more error for us; then it has taken the datagram's place.
  EXPECT_TRUE(run_until([&] {
    if (somebody.receive().empty()) opened.transport->sendto("now?", nobody);
    return !somebody.receive().empty();
  }));
  somebody.send("yes", opened.transport->sockname());
  EXPECT_TRUE(run_until([&] { return !opened.protocol->received.empty(); }));
  end(opened);
}

TEST_P(Datagrams, an_error_says_what_was_attempted_D2) {
  Opened opened = open();
  PlainSocket peer = plain_socket();
  std::string message;
  class Listener final : public DatagramProtocol {
   public:
    explicit Listener(std::string& message) : message_(message) {}
    void error_received(const Error& error) override { message_ = error.message(); }

   private:
    std::string& message_;
  };
  opened.transport->set_protocol(std::make_shared<Listener>(message));
  // Of another family than the socket's.
  const Endpoint foreign =
      is_unix() ? *Endpoint::from_numeric_host("127.0.0.1", 9) : Endpoint::unix_path("/nobody/is/here");
  opened.transport->sendto("x", foreign);
  EXPECT_THAT(message, HasSubstr("sendto: "));
  opened.transport->set_protocol(opened.protocol);
  end(opened);
}

TEST_P(Datagrams, what_is_sent_in_answer_to_an_error_goes_later_and_ends_D2) {
  Opened opened = open();
  const Endpoint foreign =
      is_unix() ? *Endpoint::from_numeric_host("127.0.0.1", 9) : Endpoint::unix_path("/nobody/is/here");
  int depth = 0;
  opened.protocol->on_error = [&] {
    EXPECT_EQ(depth, 0) << "from inside of itself";
    ++depth;
    if (opened.protocol->errors.size() < 50) opened.transport->sendto("again", foreign);
    --depth;
  };
  opened.transport->sendto("x", foreign);
  EXPECT_EQ(opened.protocol->errors.size(), 1U);
  EXPECT_TRUE(run_until([&] { return opened.protocol->errors.size() == 50; }));
  end(opened);
}

TEST_P(Datagrams, an_error_received_that_throws_is_reported_and_the_rest_goes_on_D2) {
  if (is_unix()) GTEST_SKIP() << "how large is too large there depends on the machine";
  PlainSocket peer = plain_socket();
  Opened opened = open_connected(peer);
  opened.protocol->on_error = [] { throw std::runtime_error("enough"); };
  const std::string too_large(65'528, 'x');  // for IPv6 as well
  run_inside(opened, peer, [&] {
    opened.transport->sendto(too_large);
    opened.transport->sendto("after");
  });
  EXPECT_TRUE(run_until([&] { return !peer.receive().empty(); }));
  const std::vector<Report> reports = take_reports();
  ASSERT_EQ(reports.size(), 1U);
  EXPECT_EQ(reports[0].text(), "protocol.error_received() failed: enough");
  EXPECT_TRUE(reports[0].names_transport && reports[0].names_protocol);
  end(opened);
}

TEST_P(Datagrams, closed_or_aborted_from_inside_of_an_error_nothing_more_is_sent_or_told_D2) {
  for (const bool abort : {false, true}) {
    SCOPED_TRACE(abort);
    PlainSocket peer = plain_socket();
    Opened opened = open();
    const Endpoint foreign =
        is_unix() ? *Endpoint::from_numeric_host("127.0.0.1", 9) : Endpoint::unix_path("/nobody/is/here");
    opened.protocol->on_error = [&] { abort ? opened.transport->abort() : opened.transport->close(); };
    run_inside(opened, peer, [&] {
      opened.transport->sendto("one", peer.endpoint());
      opened.transport->sendto("fails", foreign);
      opened.transport->sendto("two", peer.endpoint());
    });
    EXPECT_TRUE(run_until([&] { return opened.protocol->lost; }));
    EXPECT_FALSE(opened.protocol->lost_reason);
    // close() sends what was queued before it, abort() drops it (D4).
    EXPECT_EQ(peer.receive().size(), abort ? 1U : 2U);
    EXPECT_EQ(opened.protocol->errors.size(), 1U);
  }
}

// --- D4 --------------------------------------------------------------------------------------------------

TEST_P(Datagrams, close_sends_what_is_queued_and_abort_drops_it_D4) {
  for (const bool abort : {false, true}) {
    SCOPED_TRACE(abort);
    PlainSocket peer = plain_socket();
    Opened opened = open_connected(peer);
    run_inside(opened, peer, [&] {
      opened.transport->sendto("a");
      opened.transport->sendto("");
      opened.transport->sendto("b");
      EXPECT_EQ(opened.transport->get_write_buffer_size(), 2U + 3 * 8U);
      abort ? opened.transport->abort() : opened.transport->close();
      EXPECT_TRUE(opened.transport->is_closing());
      EXPECT_FALSE(opened.protocol->lost) << "from inside of close()";
    });
    EXPECT_TRUE(run_until([&] { return opened.protocol->lost; }));
    EXPECT_FALSE(opened.protocol->lost_reason);
    EXPECT_EQ(peer.receive().size(), abort ? 0U : 3U);
  }
}

TEST_P(Datagrams, what_is_sent_counts_its_size_and_eight_until_it_leaves_D3) {
  PlainSocket peer = plain_socket();
  Opened opened = open_connected(peer);
  opened.transport->sendto("at once");
  EXPECT_EQ(opened.transport->get_write_buffer_size(), 0U);
  run_inside(opened, peer, [&] {
    opened.transport->sendto("abc");
    EXPECT_EQ(opened.transport->get_write_buffer_size(), 11U);
    opened.transport->sendto("");
    EXPECT_EQ(opened.transport->get_write_buffer_size(), 19U);
  });
  EXPECT_TRUE(run_until([&] { return opened.transport->get_write_buffer_size() == 0; }));
  EXPECT_TRUE(run_until([&] { return peer.receive().size() == 3; }));
  EXPECT_THAT(peer.received, ElementsAre("at once", "abc", ""));
  end(opened);
}

TEST_P(Datagrams, what_the_kernel_takes_pauses_nobody_F1) {
  PlainSocket peer = plain_socket();
  Opened opened = open_connected(peer);
  opened.transport->set_write_buffer_limits({.high = 0, .low = {}});
  opened.transport->sendto("at once");
  run_inside(opened, peer, [&] {
    opened.transport->sendto("over the mark");
    EXPECT_EQ(opened.transport->get_write_buffer_size(), 0U);
    opened.transport->sendto("and again");
  });
  EXPECT_TRUE(run_until([&] { return peer.receive().size() == 3; }));
  EXPECT_THAT(opened.protocol->calls, ElementsAre("made"));
  end(opened);
}

TEST_P(Datagrams, sent_before_the_loop_runs_again_it_is_there_already_W1) {
  PlainSocket peer = plain_socket();
  Opened opened = open_connected(peer);
  opened.transport->sendto("now");
  EXPECT_EQ(peer.receive().size(), 1U);
  end(opened);
}

INSTANTIATE_TEST_SUITE_P(Datagrams, Datagrams, ::testing::ValuesIn(every_datagram_ground()),
                         name_of_datagrams);

}  // namespace
}  // namespace tidegate::contract
