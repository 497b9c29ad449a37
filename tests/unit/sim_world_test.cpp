// A world: its clock, its numbers, its pipes, its names, and the face that users see.
#include <tidegate/error.hpp>
#include <tidegate/simulated_network.hpp>

#include "kernel/backend.hpp"
#include "unit/sim_rig.hpp"

#include <chrono>
#include <memory>
#include <stdexcept>
#include <vector>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>

namespace tidegate::kernel::sim {
namespace {

using namespace std::chrono_literals;

using ::testing::Test;

class SimWorldTest : public SimTest {};

// --- the clock ---------------------------------------------------------------------------------------------

TEST_F(SimWorldTest, the_clock_begins_after_an_hour_and_moves_to_what_happens_next) {
  const TimePoint begin(1h);
  EXPECT_EQ(world.now(), begin);
  EXPECT_FALSE(world.next_event().has_value());
  std::vector<int> done;
  world.at(begin + 2s, [&] { done.push_back(2); });
  world.at(begin + 1s, [&] { done.push_back(1); });
  world.at(begin + 2s, [&] {
    done.push_back(3);
    world.at(world.now() - 1s, [&] { done.push_back(4); });
  });
  EXPECT_EQ(world.next_event(), begin + 1s);
  world.advance(begin + 500ms);
  EXPECT_EQ(world.now(), begin + 500ms);
  EXPECT_TRUE(done.empty());
  world.advance(begin + 1h);
  EXPECT_EQ(world.now(), begin + 1s);
  world.advance(begin + 1h);
  EXPECT_EQ(world.now(), begin + 2s);
  EXPECT_EQ(done, (std::vector{1, 2, 3}));
  world.advance(begin);  // in the past: what is due happens
  EXPECT_EQ(world.now(), begin + 2s);
  EXPECT_EQ(done, (std::vector{1, 2, 3, 4}));
  world.advance(begin + 1h);
  EXPECT_EQ(world.now(), begin + 1h);
}

TEST_F(SimWorldTest, what_is_due_comes_in_the_order_of_time_and_then_of_asking) {
  Chance chance(3);
  std::vector<std::pair<TimePoint, int>> done;
  for (int number = 0; number < 1000; ++number) {
    const TimePoint when = world.now() + chance.between(Duration::zero(), Duration(200));
    world.at(when, [&done, this, number] { done.emplace_back(world.now(), number); });
  }
  settle();
  EXPECT_EQ(done.size(), 1000);
  EXPECT_TRUE(std::is_sorted(done.begin(), done.end()));
}

TEST_F(SimWorldTest, jobs_that_were_not_done_go_with_the_world) {
  auto held = std::make_shared<int>(1);
  {
    World other(1, NetworkConditions::calm());
    other.at(other.now() + 1s, [held] {});
    EXPECT_EQ(held.use_count(), 2);
  }
  EXPECT_EQ(held.use_count(), 1);
}

// --- numbers -----------------------------------------------------------------------------------------------

TEST_F(SimWorldTest, the_lowest_free_number_is_given_out_and_names_are_never_used_again) {
  const int first = world.socket(AF_INET, SOCK_STREAM);
  const int second = world.socket(AF_INET, SOCK_STREAM);
  EXPECT_EQ(first, base::kFirstSimulatedNumber);
  EXPECT_EQ(second, first + 1);
  EXPECT_EQ(world.name_of(first), 1);
  EXPECT_EQ(world.name_of(second), 2);
  EXPECT_EQ(world.close(first), 0);
  EXPECT_EQ(world.name_of(first), 0);
  EXPECT_EQ(world.close(first), -EBADF);
  EXPECT_EQ(world.socket(AF_INET, SOCK_STREAM), first);
  EXPECT_EQ(world.name_of(first), 3);
  EXPECT_EQ(world.open_descriptors(), 2);
}

TEST_F(SimWorldTest, a_number_belongs_to_one_world_and_owned_descriptors_close_themselves) {
  World other(2, NetworkConditions::calm());
  const int here = world.socket(AF_INET, SOCK_STREAM);
  {
    const OwnedFileDescriptor there(FileDescriptor(other.socket(AF_INET, SOCK_STREAM)));
    EXPECT_EQ(&base::simulated_descriptors(there.get()), &other);
    EXPECT_EQ(&base::simulated_descriptors(FileDescriptor(here)), &world);
    EXPECT_EQ(other.close(here), -EBADF);
    EXPECT_EQ(base::count_of_simulated_numbers(), 2);
  }
  EXPECT_EQ(other.open_descriptors(), 0);
  EXPECT_EQ(base::count_of_simulated_numbers(), 1);
}

TEST_F(SimWorldTest, a_number_that_is_nobodys_is_a_bad_descriptor_to_every_call) {
  base::SimulatedDescriptors& nobody =
      base::simulated_descriptors(FileDescriptor(base::kFirstSimulatedNumber + 1000));
  EXPECT_EQ(nobody.close(1), -EBADF);
  EXPECT_EQ(nobody.recvmsg(1, nullptr, 0), -EBADF);
  EXPECT_EQ(nobody.poll(1), POLLNVAL);
  EXPECT_EQ(world.shutdown(base::kFirstSimulatedNumber, SHUT_WR), -EBADF);
  EXPECT_EQ(world.poll(3), POLLNVAL);
}

TEST_F(SimWorldTest, a_duplicate_keeps_the_connection_open_until_the_last_is_closed) {
  const auto [here, there] = unix_pair();
  EXPECT_EQ(world.fcntl(here, F_GETFD, 0), FD_CLOEXEC);
  EXPECT_EQ(world.fcntl(here, F_GETFL, 0), O_RDWR | O_NONBLOCK);
  const int duplicate = world.fcntl(here, F_DUPFD_CLOEXEC, 0);
  EXPECT_GT(duplicate, there);
  EXPECT_NE(world.name_of(duplicate), world.name_of(here));
  EXPECT_EQ(world.fcntl(duplicate, F_SETFL, 0), 0);
  EXPECT_EQ(world.fcntl(here, F_GETFL, 0), O_RDWR);  // one description
  world.close(here);
  settle();
  EXPECT_EQ(receive(there), "EAGAIN");
  EXPECT_EQ(send(duplicate, "x"), 1);
  settle();
  EXPECT_EQ(receive(there), "x");
  world.close(duplicate);
  settle();
  EXPECT_EQ(receive(there), "");
}

TEST_F(SimWorldTest, what_a_descriptor_is_can_be_asked) {
  int pipe[2];
  EXPECT_EQ(world.pipe(pipe), 0);
  struct stat status {};
  EXPECT_EQ(world.fstat(pipe[0], &status), 0);
  EXPECT_TRUE(S_ISFIFO(status.st_mode));
  const auto [here, there] = unix_pair();
  EXPECT_EQ(world.fstat(here, &status), 0);
  EXPECT_TRUE(S_ISSOCK(status.st_mode));
  EXPECT_EQ(world.shutdown(pipe[0], SHUT_WR), -ENOTSOCK);
  EXPECT_EQ(option(here, SOL_SOCKET, SO_TYPE), SOCK_STREAM);
  EXPECT_EQ(option(here, SOL_SOCKET, SO_DOMAIN), AF_UNIX);
  EXPECT_EQ(option(here, SOL_SOCKET, SO_ACCEPTCONN), 0);
  EXPECT_EQ(set_option(there, IPPROTO_TCP, TCP_NODELAY, 1), -EOPNOTSUPP);
}

TEST_F(SimWorldTest, options_are_remembered_doubled_and_passed_on_as_on_linux) {
  const int at = world.socket(AF_INET, SOCK_STREAM);
  EXPECT_EQ(set_option(at, SOL_SOCKET, SO_SNDBUF, 10000), 0);
  EXPECT_EQ(set_option(at, SOL_SOCKET, SO_RCVBUF, 1), 0);
  EXPECT_EQ(set_option(at, IPPROTO_TCP, TCP_NODELAY, 1), 0);
  EXPECT_EQ(option(at, SOL_SOCKET, SO_SNDBUF), 20000);
  EXPECT_EQ(option(at, SOL_SOCKET, SO_RCVBUF), 2304);
  EXPECT_EQ(option(at, SOL_SOCKET, SO_PROTOCOL), IPPROTO_TCP);
  EXPECT_EQ(option(at, SOL_SOCKET, 12345), -ENOPROTOOPT);
  EXPECT_EQ(world.listen(at, 5), 0);
  EXPECT_EQ(option(at, SOL_SOCKET, SO_ACCEPTCONN), 1);
  const int client = world.socket(AF_INET, SOCK_STREAM);
  EXPECT_EQ(connect(client, local(at)), -EINPROGRESS);
  settle();
  const int server = accept(at);
  EXPECT_EQ(option(server, SOL_SOCKET, SO_SNDBUF), 20000);
  EXPECT_EQ(option(server, IPPROTO_TCP, TCP_NODELAY), 1);
  EXPECT_EQ(option(client, SOL_SOCKET, SO_SNDBUF), 65536);
}

TEST_F(SimWorldTest, what_is_not_simulated_is_refused_by_name) {
  const auto [here, there] = unix_pair();
  EXPECT_EQ(send(here, "x", MSG_OOB), -EOPNOTSUPP);
  EXPECT_EQ(receive(there, 1, MSG_OOB), "EOPNOTSUPP");
  EXPECT_EQ(world.socket(AF_PACKET, SOCK_STREAM), -EAFNOSUPPORT);
  EXPECT_EQ(world.socket(AF_INET, SOCK_RAW), -EPROTONOSUPPORT);
}

// --- pipes -------------------------------------------------------------------------------------------------

TEST_F(SimWorldTest, a_pipe_holds_so_much_and_small_writes_are_whole) {
  int pipe[2];
  EXPECT_EQ(world.pipe(pipe), 0);
  const auto [reader, writer] = pipe;
  EXPECT_EQ(world.poll(reader), 0);
  EXPECT_EQ(world.poll(writer), POLLOUT);
  EXPECT_EQ(receive(reader), "EAGAIN");
  EXPECT_EQ(send(reader, "x"), -EBADF);
  EXPECT_EQ(receive(writer), "EBADF");
  EXPECT_EQ(send(writer, std::string(100000, 'x')), 65536);
  EXPECT_EQ(send(writer, "x"), -EAGAIN);
  EXPECT_EQ(world.poll(reader), POLLIN);
  EXPECT_EQ(world.poll(writer), 0);
  EXPECT_EQ(receive(reader, 4095).size(), 4095);
  EXPECT_EQ(send(writer, std::string(4096, 'x')), -EAGAIN);
  EXPECT_EQ(world.poll(writer), 0);
  EXPECT_EQ(receive(reader, 1).size(), 1);
  EXPECT_EQ(world.poll(writer), POLLOUT);
  EXPECT_EQ(send(writer, std::string(5000, 'x')), 4096);
  EXPECT_EQ(world.fcntl(writer, F_GETPIPE_SZ, 0), 65536);
  EXPECT_EQ(world.fcntl(writer, F_SETPIPE_SZ, 4096), -EBUSY);
  EXPECT_EQ(world.fcntl(reader, F_SETPIPE_SZ, 70000), 131072);
  EXPECT_EQ(world.fcntl(writer, F_SETPIPE_SZ, 2000000), -EPERM);
}

TEST_F(SimWorldTest, the_ends_of_a_pipe_notice_each_other_go) {
  int pipe[2];
  EXPECT_EQ(world.pipe(pipe), 0);
  send(pipe[1], "rest");
  world.close(pipe[1]);
  EXPECT_EQ(world.poll(pipe[0]), POLLIN | POLLHUP);
  EXPECT_EQ(receive(pipe[0]), "rest");
  EXPECT_EQ(world.poll(pipe[0]), POLLHUP);
  EXPECT_EQ(receive(pipe[0]), "");
  int other[2];
  EXPECT_EQ(world.pipe(other), 0);
  world.close(other[0]);
  EXPECT_EQ(world.poll(other[1]), POLLOUT | POLLERR);
  EXPECT_EQ(send(other[1], "x"), -EPIPE);
}

// --- addresses ---------------------------------------------------------------------------------------------

TEST_F(SimWorldTest, ports_are_given_out_in_order_and_busy_ones_are_refused) {
  const int first = listener(ip("127.0.0.1", 0));
  EXPECT_EQ(local(first), ip("127.0.0.1", 40000));
  EXPECT_EQ(local(listener(ip("127.0.0.1", 0))), ip("127.0.0.1", 40001));
  const int third = world.socket(AF_INET, SOCK_STREAM);
  EXPECT_EQ(bind(third, ip("127.0.0.1", 40000)), -EADDRINUSE);
  EXPECT_EQ(bind(third, ip("0.0.0.0", 40000)), -EADDRINUSE);
  EXPECT_EQ(bind(third, ip("127.0.0.2", 40000)), 0);
  EXPECT_EQ(bind(third, ip("127.0.0.2", 40005)), -EINVAL);
  world.close(first);
  EXPECT_EQ(bind(world.socket(AF_INET, SOCK_STREAM), ip("127.0.0.1", 40000)), 0);
}

TEST_F(SimWorldTest, reusing_an_address_lets_two_bind_and_one_listen) {
  const int first = world.socket(AF_INET, SOCK_STREAM);
  const int second = world.socket(AF_INET, SOCK_STREAM);
  set_option(first, SOL_SOCKET, SO_REUSEADDR, 1);
  set_option(second, SOL_SOCKET, SO_REUSEADDR, 1);
  EXPECT_EQ(bind(first, ip("127.0.0.1", 80)), 0);
  EXPECT_EQ(bind(second, ip("127.0.0.1", 80)), 0);
  EXPECT_EQ(world.listen(first, 1), 0);
  EXPECT_EQ(world.listen(second, 1), -EADDRINUSE);
}

TEST_F(SimWorldTest, those_that_share_a_port_share_its_connections) {
  int listeners[2];
  for (int& at : listeners) {
    at = world.socket(AF_INET, SOCK_STREAM);
    set_option(at, SOL_SOCKET, SO_REUSEPORT, 1);
    EXPECT_EQ(bind(at, ip("127.0.0.1", 80)), 0);
    EXPECT_EQ(world.listen(at, 100), 0);
  }
  for (int count = 0; count < 10; ++count)
    EXPECT_EQ(connect(world.socket(AF_INET, SOCK_STREAM), ip("127.0.0.1", 80)), -EINPROGRESS);
  settle();
  for (const int at : listeners) {
    for (int count = 0; count < 5; ++count) EXPECT_GT(accept(at), 0);
  }
}

TEST_F(SimWorldTest, a_listener_of_ipv6_takes_ipv4_unless_it_is_told_not_to) {
  const int both = listener(ip("::", 80));
  EXPECT_EQ(bind(world.socket(AF_INET, SOCK_STREAM), ip("127.0.0.1", 80)), -EADDRINUSE);
  const int client = world.socket(AF_INET, SOCK_STREAM);
  EXPECT_EQ(connect(client, ip("127.0.0.1", 80)), -EINPROGRESS);
  settle();
  const int server = accept(both);
  EXPECT_EQ(peer(server).host(), "::ffff:127.0.0.1");
  EXPECT_EQ(peer(client), ip("127.0.0.1", 80));

  const int only = world.socket(AF_INET6, SOCK_STREAM);
  set_option(only, IPPROTO_IPV6, IPV6_V6ONLY, 1);
  EXPECT_EQ(bind(only, ip("::", 81)), 0);
  EXPECT_EQ(world.listen(only, 1), 0);
  EXPECT_EQ(bind(world.socket(AF_INET, SOCK_STREAM), ip("0.0.0.0", 81)), 0);
  const int refused = world.socket(AF_INET, SOCK_STREAM);
  EXPECT_EQ(connect(refused, ip("127.0.0.1", 81)), -EINPROGRESS);
  const int taken = world.socket(AF_INET6, SOCK_STREAM);
  EXPECT_EQ(connect(taken, ip("::1", 81)), -EINPROGRESS);
  settle();
  EXPECT_EQ(pending_error(refused), ECONNREFUSED);
  EXPECT_EQ(pending_error(taken), 0);
  EXPECT_EQ(peer(taken), ip("::1", 81));
}

TEST_F(SimWorldTest, a_unix_socket_without_a_name_is_given_one) {
  const int number = world.socket(AF_UNIX, SOCK_DGRAM);
  const sa_family_t family = AF_UNIX;
  sockaddr_storage address{};
  address.ss_family = family;
  EXPECT_EQ(world.bind(number, reinterpret_cast<const sockaddr*>(&address), sizeof(family)), 0);
  EXPECT_TRUE(local(number).is_abstract());
  EXPECT_EQ(local(number).path(), "00000");
}

TEST_F(SimWorldTest, hosts_have_the_addresses_that_they_were_given) {
  EXPECT_EQ(world.addresses_of("localhost"), (std::vector{ip("127.0.0.1", 0), ip("::1", 0)}));
  EXPECT_TRUE(world.addresses_of("db.example").empty());
  world.add_host("db.example", "10.0.0.1");
  world.add_host("db.example", "2001:db8::1");
  EXPECT_EQ(world.addresses_of("db.example"), (std::vector{ip("10.0.0.1", 0), ip("2001:db8::1", 0)}));
}

}  // namespace
}  // namespace tidegate::kernel::sim

// --- the face ----------------------------------------------------------------------------------------------

namespace tidegate {
namespace {

std::string why_not(const NetworkConditions& conditions) {
  try {
    const SimulatedNetwork network(1, conditions);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "it is valid";
}

TEST(SimulatedNetwork, conditions_that_make_no_sense_are_refused_by_name) {
  NetworkConditions conditions;
  EXPECT_EQ(why_not(conditions), "it is valid");
  conditions.segment_loss = 1.5;
  EXPECT_EQ(why_not(conditions), "segment_loss is 1.5; expected a chance from 0 to 1");
  conditions = {};
  conditions.reset = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(why_not(conditions), "reset is nan; expected a chance from 0 to 1");
  conditions = {};
  conditions.receive_buffer_bytes = 0;
  EXPECT_EQ(why_not(conditions), "receive_buffer_bytes is 0; expected 1 to 1073741824 bytes");
  conditions = {};
  conditions.retransmission = Duration(-1);
  EXPECT_EQ(why_not(conditions), "retransmission is -1 ns; expected a time from 0 to a year");
  conditions = {};
  conditions.longest_latency = Duration(1);
  EXPECT_EQ(why_not(conditions), "longest_latency is 1 ns; expected no less than shortest_latency, 50000 ns");
}

TEST(SimulatedNetwork, every_weather_is_valid_and_the_same_for_the_same_seed) {
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    EXPECT_EQ(why_not(NetworkConditions::rough(seed)), "it is valid");
    EXPECT_EQ(why_not(NetworkConditions::hostile(seed)), "it is valid");
    EXPECT_EQ(NetworkConditions::rough(seed).longest_latency, NetworkConditions::rough(seed).longest_latency);
    EXPECT_EQ(NetworkConditions::rough(seed).reset, 0);
    EXPECT_EQ(NetworkConditions::rough(seed).connect_loss, 0);
  }
  EXPECT_EQ(NetworkConditions::calm().short_transfer, 0);
}

TEST(SimulatedNetwork, addresses_and_names_that_make_no_sense_are_refused) {
  SimulatedNetwork network;
  EXPECT_THROW(network.cut("localhost"), std::invalid_argument);
  EXPECT_THROW(network.add_host("x", "nonsense"), std::invalid_argument);
  EXPECT_THROW(network.add_host("", "10.0.0.1"), std::invalid_argument);
  EXPECT_THROW(network.reset_connections("10.0.0"), std::invalid_argument);
}

TEST(SimulatedNetwork, a_loop_on_it_that_asks_for_another_backend_is_refused_by_name) {
  SimulatedNetwork network;
  const auto why_not = [&](BackendKind backend) -> std::string {
    try {
      static_cast<void>(kernel::make_backend(backend, &network));
    } catch (const std::invalid_argument& error) {
      return error.what();
    }
    return "it is one";
  };
  EXPECT_EQ(why_not(BackendKind::automatic), "it is one");
  EXPECT_EQ(why_not(BackendKind::simulated), "it is one");
  EXPECT_EQ(why_not(BackendKind::epoll),
            "a loop on a simulated network has no other backend, epoll was asked for");
  EXPECT_EQ(why_not(BackendKind::io_uring),
            "a loop on a simulated network has no other backend, io_uring was asked for");
}

TEST(SimulatedNetwork, its_sockets_are_simulated_and_close_themselves) {
  SimulatedNetwork network;
  {
    const Socket stream = network.stream(AddressFamily::ipv4);
    const auto [here, there] = network.socket_pair();
    const auto [reader, writer] = network.pipe();
    const Socket datagram = network.datagram(AddressFamily::unix_domain);
    EXPECT_TRUE(base::is_simulated(stream.descriptor()));
    EXPECT_EQ(network.open_descriptors(), 6);
  }
  EXPECT_EQ(network.open_descriptors(), 0);
  EXPECT_THROW((void)network.stream(AddressFamily::unspecified), OsError);
}

TEST(SimulatedNetwork, its_trace_tells_what_has_happened) {
  SimulatedNetwork network;
  EXPECT_EQ(network.trace(), "");
  const std::uint64_t before = network.trace_hash();
  const auto [here, there] = network.socket_pair();
  EXPECT_EQ(network.trace(), "3600.000000000 #1 is connected with 2\n");
  EXPECT_NE(network.trace_hash(), before);
}

}  // namespace
}  // namespace tidegate
