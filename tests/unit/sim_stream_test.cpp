// TCP connections in a world: what Linux says in every state, in every order.
#include "unit/sim_rig.hpp"

#include <chrono>
#include <cstdint>
#include <set>
#include <string>

#include <netinet/in.h>
#include <netinet/tcp.h>

namespace tidegate::kernel::sim {
namespace {

using namespace std::chrono_literals;

constexpr short kOver = POLLIN | POLLOUT | POLLHUP | POLLRDHUP;

class SimStreamTest : public SimTest {};

// --- connecting --------------------------------------------------------------------------------------------

TEST_F(SimStreamTest, a_connect_takes_time_and_tells_when_it_is_done) {
  const int at = listener(ip("127.0.0.1", 0));
  const int client = world.socket(AF_INET, SOCK_STREAM);
  EXPECT_EQ(world.poll(client), POLLOUT | POLLHUP);
  EXPECT_EQ(connect(client, local(at)), -EINPROGRESS);
  EXPECT_EQ(connect(client, local(at)), -EALREADY);
  EXPECT_EQ(world.poll(client), 0);
  EXPECT_EQ(send(client, "early"), -EAGAIN);
  EXPECT_EQ(receive(client), "EAGAIN");
  EXPECT_EQ(world.poll(at), 0);
  EXPECT_EQ(accept(at), -EAGAIN);
  const TimePoint begun = world.now();
  settle();
  EXPECT_GE(world.now() - begun, 2 * world.conditions().shortest_latency);
  EXPECT_LE(world.now() - begun, 2 * world.conditions().longest_latency);
  EXPECT_EQ(world.poll(client), POLLOUT);
  EXPECT_EQ(pending_error(client), 0);
  EXPECT_EQ(world.poll(at), POLLIN);
  const int server = accept(at);
  EXPECT_EQ(world.poll(at), 0);
  EXPECT_EQ(peer(client), local(at));
  EXPECT_EQ(peer(server), local(client));
  EXPECT_EQ(local(server), local(at));
  EXPECT_EQ(connect(client, local(at)), 0);
  EXPECT_EQ(connect(client, local(at)), -EISCONN);
}

TEST_F(SimStreamTest, a_connect_to_nobody_is_refused_once_and_the_socket_may_try_again) {
  const int client = world.socket(AF_INET, SOCK_STREAM);
  EXPECT_EQ(connect(client, ip("127.0.0.1", 9)), -EINPROGRESS);
  settle();
  EXPECT_EQ(world.poll(client), kOver | POLLERR);
  EXPECT_EQ(pending_error(client), ECONNREFUSED);
  EXPECT_EQ(pending_error(client), 0);
  EXPECT_EQ(world.poll(client), kOver);
  EXPECT_EQ(receive(client), "");
  EXPECT_EQ(send(client, "x"), -EPIPE);
  EXPECT_EQ(connect(client, ip("127.0.0.1", 9)), -ECONNABORTED);
  EXPECT_EQ(connect(client, ip("127.0.0.1", 9)), -EINPROGRESS);
  settle();
  EXPECT_EQ(connect(client, ip("127.0.0.1", 9)), -ECONNREFUSED);
  EXPECT_EQ(connect(client, ip("127.0.0.1", 9)), -EINPROGRESS);
}

TEST_F(SimStreamTest, a_connect_through_a_cut_cable_times_out) {
  const int at = listener(ip("10.0.0.1", 80));
  world.cut("10.0.0.1");
  const int client = world.socket(AF_INET, SOCK_STREAM);
  const TimePoint begun = world.now();
  EXPECT_EQ(connect(client, ip("10.0.0.1", 80)), -EINPROGRESS);
  settle();
  EXPECT_EQ(world.now() - begun, world.conditions().connect_timeout);
  EXPECT_EQ(pending_error(client), ETIMEDOUT);
  EXPECT_EQ(accept(at), -EAGAIN);
}

TEST_F(SimStreamTest, a_connect_goes_on_trying_until_the_cable_is_mended) {
  listener(ip("10.0.0.1", 80));
  world.cut("10.0.0.1");
  const int client = world.socket(AF_INET, SOCK_STREAM);
  const TimePoint begun = world.now();
  EXPECT_EQ(connect(client, ip("10.0.0.1", 80)), -EINPROGRESS);
  pass(4s);
  EXPECT_EQ(world.poll(client), 0);
  world.mend("10.0.0.1");
  settle();
  EXPECT_EQ(world.poll(client), POLLOUT);
  EXPECT_GE(world.now() - begun, 7s);  // tried after 1, 3 and 7 seconds
  EXPECT_LE(world.now() - begun, 7100ms);
}

TEST_F(SimStreamTest, a_full_backlog_keeps_connects_waiting_until_somebody_accepts) {
  const int at = listener(ip("127.0.0.1", 0), 1);
  for (int made = 0; made < 3; ++made)
    EXPECT_EQ(connect(world.socket(AF_INET, SOCK_STREAM), local(at)), -EINPROGRESS);
  pass(500ms);
  EXPECT_GT(accept(at), 0);
  EXPECT_GT(accept(at), 0);
  EXPECT_EQ(accept(at), -EAGAIN);
  settle();
  EXPECT_GT(accept(at), 0);
}

TEST_F(SimStreamTest, closing_a_listener_resets_those_that_nobody_accepted) {
  const int at = listener(ip("127.0.0.1", 0));
  const int client = world.socket(AF_INET, SOCK_STREAM);
  connect(client, local(at));
  settle();
  world.close(at);
  settle();
  EXPECT_EQ(world.poll(client), kOver | POLLERR);
  EXPECT_EQ(receive(client), "ECONNRESET");
  EXPECT_EQ(receive(client), "");
  EXPECT_EQ(send(client, "x"), -EPIPE);
}

TEST_F(SimStreamTest, a_connect_that_is_given_up_leaves_its_place_to_others) {
  const int at = listener(ip("127.0.0.1", 0), 0);
  for (int made = 0; made < 5; ++made) {
    const int client = world.socket(AF_INET, SOCK_STREAM);
    connect(client, local(at));
    world.advance(world.next_event().value());  // the request has arrived, the answer has not
    world.close(client);
  }
  const int client = world.socket(AF_INET, SOCK_STREAM);
  connect(client, local(at));
  settle();
  EXPECT_EQ(world.poll(client), POLLOUT);
  EXPECT_LT(world.now() - TimePoint(1h), 1s);
}

TEST_F(SimStreamTest, accept_may_be_short_of_descriptors_and_loses_nobody) {
  const int at = listener(ip("127.0.0.1", 0));
  connect(world.socket(AF_INET, SOCK_STREAM), local(at));
  settle();
  change_conditions([](auto& conditions) { conditions.accept_shortage = 1; });
  EXPECT_EQ(accept(at), -EMFILE);
  change_conditions([](auto& conditions) { conditions.accept_shortage = 0; });
  EXPECT_GT(accept(at), 0);
}

// --- bytes -------------------------------------------------------------------------------------------------

TEST_F(SimStreamTest, bytes_arrive_later_in_order_and_whole) {
  const auto [client, server] = connected();
  EXPECT_EQ(send(client, "hello "), 6);
  EXPECT_EQ(send(client, "world"), 5);
  EXPECT_EQ(receive(server), "EAGAIN");
  EXPECT_EQ(world.poll(server), POLLOUT);
  settle();
  EXPECT_EQ(world.poll(server), POLLIN | POLLOUT);
  EXPECT_EQ(receive(server, 100, MSG_PEEK), "hello world");
  EXPECT_EQ(receive(server, 3), "hel");
  EXPECT_EQ(receive(server), "lo world");
  EXPECT_EQ(receive(server), "EAGAIN");
}

TEST_F(SimStreamTest, a_message_is_gathered_from_pieces_and_scattered_into_pieces) {
  const auto [client, server] = connected();
  std::string one = "ab";
  std::string two;
  std::string three = "cde";
  iovec out[3] = {{one.data(), 2}, {two.data(), 0}, {three.data(), 3}};
  msghdr message{};
  message.msg_iov = out;
  message.msg_iovlen = 3;
  EXPECT_EQ(world.sendmsg(client, &message, 0), 5);
  settle();
  std::string first(4, '?');
  std::string rest(4, '?');
  iovec in[2] = {{first.data(), 4}, {rest.data(), 4}};
  message.msg_iov = in;
  message.msg_iovlen = 2;
  EXPECT_EQ(world.recvmsg(server, &message, 0), 5);
  EXPECT_EQ(first + rest, "abcde???");
}

TEST_F(SimStreamTest, a_reader_that_does_not_read_stops_the_writer_and_goes_on_later) {
  change_conditions([](auto& conditions) {
    conditions.send_buffer_bytes = 1000;
    conditions.receive_buffer_bytes = 500;
    conditions.largest_segment_bytes = 100;
  });
  const auto [client, server] = connected();
  const std::string data(1000, 'x');
  std::size_t sent = 0;
  for (std::ptrdiff_t count = 0; (count = send(client, data)) > 0; settle())
    sent += static_cast<std::size_t>(count);
  EXPECT_EQ(send(client, "x"), -EAGAIN);
  EXPECT_EQ(sent, 1500);
  EXPECT_EQ(world.poll(client), 0);
  std::size_t received = 0;
  while (true) {
    const std::string got = receive(server, 77);
    if (got == "EAGAIN") break;
    received += got.size();
    settle();
  }
  EXPECT_EQ(received, 1500);
  EXPECT_EQ(world.poll(client), POLLOUT);
}

TEST_F(SimStreamTest, an_end_comes_behind_all_bytes_and_leaves_the_other_direction_open) {
  const auto [client, server] = connected();
  send(client, "last words");
  EXPECT_EQ(world.shutdown(client, SHUT_WR), 0);
  EXPECT_EQ(send(client, "x"), -EPIPE);
  settle();
  EXPECT_EQ(world.poll(server), POLLIN | POLLOUT | POLLRDHUP);
  EXPECT_EQ(receive(server), "last words");
  EXPECT_EQ(receive(server), "");
  EXPECT_EQ(receive(server), "");
  EXPECT_EQ(send(server, "answer"), 6);
  settle();
  EXPECT_EQ(world.poll(client), POLLIN | POLLOUT);
  EXPECT_EQ(receive(client), "answer");
  world.shutdown(server, SHUT_WR);
  settle();
  EXPECT_EQ(world.poll(client), kOver);
  EXPECT_EQ(world.poll(server), kOver);
  EXPECT_EQ(world.shutdown(client, SHUT_WR), -ENOTCONN);
  EXPECT_EQ(peer_error(client), -ENOTCONN);
}

// --- ends --------------------------------------------------------------------------------------------------

TEST_F(SimStreamTest, closing_sends_what_is_left_and_an_end) {
  change_conditions([](auto& conditions) { conditions.receive_buffer_bytes = 10; });
  const auto [client, server] = connected();
  EXPECT_EQ(send(client, std::string(100, 'x')), 100);
  world.close(client);
  std::string received;
  while (true) {
    settle();
    const std::string got = receive(server);
    if (got.empty()) break;
    received += got;
  }
  EXPECT_EQ(received, std::string(100, 'x'));
}

TEST_F(SimStreamTest, closing_with_unread_bytes_resets_behind_what_was_sent) {
  const auto [client, server] = connected();
  send(client, "unread");
  send(server, "hello");
  settle();
  world.close(server);
  settle();
  EXPECT_EQ(world.poll(client), kOver | POLLERR);
  EXPECT_EQ(receive(client), "hello");
  EXPECT_EQ(receive(client), "ECONNRESET");
  EXPECT_EQ(receive(client), "");
  EXPECT_EQ(send(client, "x"), -EPIPE);
  EXPECT_EQ(world.poll(client), kOver);
}

TEST_F(SimStreamTest, a_reset_is_told_once_to_whoever_asks_first) {
  for (const std::string_view who : {"receive", "send", "option"}) {
    const auto [client, server] = connected();
    reset_on_close(server);
    world.close(server);
    settle();
    if (who == "receive") {
      EXPECT_EQ(receive(client), "ECONNRESET");
    } else if (who == "send") {
      EXPECT_EQ(send(client, "x"), -ECONNRESET);
    } else {
      EXPECT_EQ(pending_error(client), ECONNRESET);
    }
    EXPECT_EQ(receive(client), "") << who;
    EXPECT_EQ(send(client, "x"), -EPIPE) << who;
    EXPECT_EQ(pending_error(client), 0) << who;
    EXPECT_EQ(world.shutdown(client, SHUT_WR), -ENOTCONN) << who;
  }
}

TEST_F(SimStreamTest, closing_without_lingering_drops_what_waits) {
  change_conditions([](auto& conditions) { conditions.receive_buffer_bytes = 10; });
  const auto [client, server] = connected();
  EXPECT_EQ(send(client, std::string(100, 'x')), 100);
  reset_on_close(client);
  world.close(client);
  settle();
  EXPECT_EQ(receive(server), std::string(10, 'x'));
  EXPECT_EQ(receive(server), "ECONNRESET");
}

TEST_F(SimStreamTest, what_arrives_at_a_closed_socket_is_answered_with_a_reset) {
  const auto [client, server] = connected();
  world.close(server);
  settle();
  EXPECT_EQ(world.poll(client), POLLIN | POLLOUT | POLLRDHUP);
  EXPECT_EQ(send(client, "x"), 1);
  settle();
  // The end was known, so it is a broken pipe.
  EXPECT_EQ(world.poll(client), kOver | POLLERR);
  EXPECT_EQ(receive(client), "");
  EXPECT_EQ(send(client, "x"), -EPIPE);
  EXPECT_EQ(world.poll(client), kOver);
}

TEST_F(SimStreamTest, bytes_under_way_when_a_socket_is_closed_reset_the_connection) {
  const auto [client, server] = connected();
  send(client, "late");
  world.close(server);
  settle();
  EXPECT_EQ(world.poll(client), kOver | POLLERR);
}

TEST_F(SimStreamTest, a_socket_shut_down_both_ways_answers_bytes_with_a_reset) {
  const auto [client, server] = connected();
  EXPECT_EQ(world.shutdown(client, SHUT_RDWR), 0);
  settle();
  EXPECT_EQ(world.poll(client), kOver);
  EXPECT_EQ(send(server, "abc"), 3);
  settle();
  EXPECT_EQ(receive(client), "ECONNRESET");
  EXPECT_EQ(send(server, "abc"), -EPIPE);
}

TEST_F(SimStreamTest, a_socket_shut_down_for_reading_sees_an_end_and_still_receives) {
  const auto [client, server] = connected();
  EXPECT_EQ(world.shutdown(client, SHUT_RD), 0);
  EXPECT_EQ(world.poll(client), POLLIN | POLLOUT | POLLRDHUP);
  EXPECT_EQ(receive(client), "");
  send(server, "abc");
  settle();
  EXPECT_EQ(receive(client), "abc");
}

TEST_F(SimStreamTest, an_end_that_plays_dead_acknowledges_nothing_until_the_other_gives_up) {
  const auto [client, server] = connected();
  EXPECT_EQ(set_option(client, IPPROTO_TCP, TCP_USER_TIMEOUT, 50), 0);
  set_option(server, SOL_SOCKET, SO_ATTACH_FILTER, 0);
  send(client, "anybody there?");
  pass(49ms);
  EXPECT_EQ(world.poll(client), POLLOUT);
  pass(1ms);
  EXPECT_EQ(world.poll(client), kOver | POLLERR);
  EXPECT_EQ(receive(client), "ETIMEDOUT");
  EXPECT_EQ(receive(server), "EAGAIN");
}

TEST_F(SimStreamTest, a_user_timeout_does_not_touch_a_connection_that_answers) {
  const auto [client, server] = connected();
  set_option(client, IPPROTO_TCP, TCP_USER_TIMEOUT, 50);
  for (int round = 0; round < 100; ++round) {
    EXPECT_EQ(send(client, "x"), 1);
    pass(10ms);
    EXPECT_EQ(receive(server), "x");
  }
  settle();
  EXPECT_EQ(world.poll(client), POLLOUT);
}

TEST_F(SimStreamTest, what_is_sent_through_a_cut_cable_arrives_when_it_is_mended) {
  const auto [client, server] = connected();
  world.cut("127.0.0.1");
  send(client, "patience");
  settle();
  pass(1h);
  EXPECT_EQ(receive(server), "EAGAIN");
  world.mend("127.0.0.1");
  EXPECT_EQ(receive(server), "EAGAIN");
  settle();
  EXPECT_EQ(receive(server), "patience");
}

TEST_F(SimStreamTest, a_machine_that_restarts_resets_its_connections_and_no_others) {
  const auto [client, server] = connected();
  const auto [other_client, other_server] = unix_pair();
  world.reset_connections("127.0.0.2");
  EXPECT_EQ(world.poll(client), POLLOUT);
  world.reset_connections("127.0.0.1");
  EXPECT_EQ(receive(client), "ECONNRESET");
  EXPECT_EQ(receive(server), "ECONNRESET");
  EXPECT_EQ(world.poll(other_client), POLLOUT);
}

// --- weather -----------------------------------------------------------------------------------------------

TEST_F(SimStreamTest, a_lost_segment_is_late_and_holds_up_what_is_behind_it) {
  const auto [client, server] = connected();
  change_conditions([](auto& conditions) { conditions.segment_loss = 1; });
  send(client, "first");
  change_conditions([](auto& conditions) { conditions.segment_loss = 0; });
  send(client, "second");
  pass(200ms);
  EXPECT_EQ(receive(server), "EAGAIN");
  settle();
  EXPECT_EQ(receive(server), "firstsecond");
}

TEST_F(SimStreamTest, the_network_may_reset_a_connection_for_both_ends) {
  const auto [client, server] = connected();
  change_conditions([](auto& conditions) { conditions.reset = 1; });
  send(client, "x");
  settle();
  EXPECT_EQ(receive(client), "ECONNRESET");
  EXPECT_EQ(receive(server), "ECONNRESET");
}

TEST_F(SimStreamTest, the_network_may_reset_a_connection_that_its_sender_has_reset_already) {
  const auto [client, server] = connected();
  change_conditions([](auto& conditions) { conditions.reset = 1; });
  send(client, "x");
  reset_on_close(client);
  world.close(client);
  settle();
  EXPECT_EQ(receive(server), "ECONNRESET");
}

TEST_F(SimStreamTest, a_connect_may_be_refused_or_lost_by_the_weather) {
  const int at = listener(ip("127.0.0.1", 0));
  change_conditions([](auto& conditions) { conditions.connect_refusal = 1; });
  const int refused = world.socket(AF_INET, SOCK_STREAM);
  connect(refused, local(at));
  settle();
  EXPECT_EQ(pending_error(refused), ECONNREFUSED);
  change_conditions([](auto& conditions) {
    conditions.connect_loss = 1;
    conditions.connect_timeout = 7s;
  });
  const int lost = world.socket(AF_INET, SOCK_STREAM);
  const TimePoint begun = world.now();
  connect(lost, local(at));
  settle();
  EXPECT_EQ(pending_error(lost), ETIMEDOUT);
  EXPECT_EQ(world.now() - begun, 7s);
}

/// Sends a stream both ways through bad weather, with reads and writes of any size, and hashes the trace.
std::uint64_t hash_of_a_run(std::uint64_t seed) {
  class Run : public SimTest {
   public:
    explicit Run(std::uint64_t seed) : SimTest(seed), seed_(seed) {}
    void TestBody() override {
      auto conditions = NetworkConditions::rough(seed_);
      conditions.accept_shortage = 0;
      world.set_conditions(conditions);
      Chance chance(seed_ + 77);
      auto [here, there] = chance.happens(0.5) ? connected() : unix_pair();
      const int ends[2] = {here, there};
      std::string sent[2];
      std::string received[2];
      constexpr std::size_t kBytes = 20000;
      bool ended[2] = {false, false};
      bool heard[2] = {false, false};
      for (int steps = 0; (!heard[0] || !heard[1]) && steps < 1000000; ++steps) {
        const std::size_t at = chance.below(2);
        if (chance.happens(0.5) && sent[at].size() < kBytes) {
          const std::string data(chance.between(std::size_t{1}, std::size_t{3000}),
                                 static_cast<char>('a' + steps % 26));
          const std::ptrdiff_t count = send(ends[at], data);
          ASSERT_TRUE(count > 0 || count == -EAGAIN) << count;
          if (count > 0) sent[at] += data.substr(0, static_cast<std::size_t>(count));
        } else if (sent[at].size() >= kBytes && !ended[at]) {
          ended[at] = true;
          ASSERT_EQ(world.shutdown(ends[at], SHUT_WR), 0);
        } else if (!heard[at]) {
          const std::string data = receive(ends[at], chance.between(std::size_t{1}, std::size_t{5000}));
          heard[at] = data.empty();
          if (data != "EAGAIN") received[at] += data;
        }
        if (chance.happens(0.5)) world.advance(world.now() + 1ms);
      }
      EXPECT_TRUE(received[0] == sent[1]) << "seed " << seed_;
      EXPECT_TRUE(received[1] == sent[0]) << "seed " << seed_;
      EXPECT_GE(sent[0].size(), kBytes);
    }

   private:
    std::uint64_t seed_;
  };
  Run run(seed);
  run.TestBody();
  return run.hash();
}

TEST(SimStreams, bytes_are_conserved_and_the_same_seed_does_the_same) {
  std::set<std::uint64_t> hashes;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    const std::uint64_t hash = hash_of_a_run(seed);
    EXPECT_EQ(hash, hash_of_a_run(seed));
    hashes.insert(hash);
  }
  EXPECT_EQ(hashes.size(), 100);
}

}  // namespace
}  // namespace tidegate::kernel::sim
