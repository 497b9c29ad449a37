// Unix stream connections in a world: what Linux says that it does not say of TCP.
#include "unit/sim_rig.hpp"

#include <string>

namespace tidegate::kernel::sim {
namespace {

constexpr short kOver = POLLIN | POLLOUT | POLLHUP | POLLRDHUP;

class SimUnixStreamTest : public SimTest {};

TEST_F(SimUnixStreamTest, a_connect_is_done_at_once_and_says_why_not) {
  const Endpoint path = Endpoint::unix_path("/run/x.sock");
  const int client = world.socket(AF_UNIX, SOCK_STREAM);
  EXPECT_EQ(connect(client, path), -ENOENT);
  EXPECT_EQ(connect(client, Endpoint::unix_abstract("x")), -ECONNREFUSED);
  const int at = world.socket(AF_UNIX, SOCK_STREAM);
  EXPECT_EQ(world.listen(at, 1), -EINVAL);
  EXPECT_EQ(bind(at, path), 0);
  EXPECT_EQ(connect(client, path), -ECONNREFUSED);
  EXPECT_EQ(world.listen(at, 0), 0);
  EXPECT_EQ(connect(client, path), 0);
  EXPECT_EQ(world.poll(client), POLLOUT);
  EXPECT_EQ(world.poll(at), POLLIN);
  EXPECT_EQ(connect(world.socket(AF_UNIX, SOCK_STREAM), path), -EAGAIN);
  const int server = accept(at);
  EXPECT_EQ(peer(client), path);
  EXPECT_EQ(local(server), path);
  EXPECT_EQ(peer(server), Endpoint::unix_unnamed());
  EXPECT_EQ(bind(world.socket(AF_UNIX, SOCK_STREAM), path), -EADDRINUSE);
  world.close(at);
  EXPECT_EQ(bind(world.socket(AF_UNIX, SOCK_STREAM), path), 0);
}

TEST_F(SimUnixStreamTest, closing_is_an_end_for_the_reader_and_a_broken_pipe_for_the_writer_at_once) {
  const auto [here, there] = unix_pair();
  send(there, "hello");
  world.close(there);
  EXPECT_EQ(send(here, "x"), -EPIPE);
  settle();
  EXPECT_EQ(world.poll(here), kOver);
  EXPECT_EQ(receive(here), "hello");
  EXPECT_EQ(receive(here), "");
  EXPECT_EQ(peer(here), Endpoint::unix_unnamed());
  EXPECT_EQ(world.shutdown(here, SHUT_WR), 0);
}

TEST_F(SimUnixStreamTest, closing_with_unread_bytes_is_a_reset_behind_what_was_sent) {
  const auto [here, there] = unix_pair();
  send(here, "unread");
  send(there, "hello");
  world.close(there);
  settle();
  EXPECT_EQ(world.poll(here), kOver | POLLERR);
  EXPECT_EQ(send(here, "x"), -EPIPE);
  EXPECT_EQ(receive(here), "hello");
  EXPECT_EQ(receive(here), "ECONNRESET");
  EXPECT_EQ(receive(here), "");
  EXPECT_EQ(world.poll(here), kOver);
}

TEST_F(SimUnixStreamTest, the_sender_holds_what_is_not_read) {
  change_conditions([](auto& conditions) { conditions.send_buffer_bytes = 100; });
  const auto [here, there] = unix_pair();
  EXPECT_EQ(send(here, std::string(150, 'x')), 100);
  settle();
  EXPECT_EQ(send(here, "x"), -EAGAIN);
  EXPECT_EQ(receive(there, 74).size(), 74);
  EXPECT_EQ(world.poll(here), 0);
  EXPECT_EQ(receive(there, 1).size(), 1);
  EXPECT_EQ(world.poll(here), POLLOUT);
}

TEST_F(SimUnixStreamTest, shutting_down_for_reading_breaks_the_other_ends_pipe) {
  const auto [here, there] = unix_pair();
  EXPECT_EQ(world.shutdown(here, SHUT_RD), 0);
  EXPECT_EQ(world.poll(here), POLLIN | POLLOUT | POLLRDHUP);
  EXPECT_EQ(send(there, "x"), -EPIPE);
  EXPECT_EQ(receive(here), "");
}

TEST_F(SimUnixStreamTest, closing_a_listener_resets_those_that_nobody_accepted) {
  const int at = listener(Endpoint::unix_abstract("x"));
  const int client = world.socket(AF_UNIX, SOCK_STREAM);
  EXPECT_EQ(connect(client, Endpoint::unix_abstract("x")), 0);
  world.close(at);
  settle();
  EXPECT_EQ(world.poll(client), kOver | POLLERR);
  EXPECT_EQ(receive(client), "ECONNRESET");
  EXPECT_EQ(send(client, "x"), -EPIPE);
}

}  // namespace
}  // namespace tidegate::kernel::sim
