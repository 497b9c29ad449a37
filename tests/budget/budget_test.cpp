// What things may cost: system calls per message, allocations per message, memory per idle connection.
#include <tidegate/tidegate.hpp>

#include "budget/meters.hpp"
#include "budget/pair_rig.hpp"
#include "budget/peer.hpp"
#include "contract/loop_rig.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/wait.h>

namespace tidegate {
namespace {

using namespace std::chrono_literals;
using budget::calls;
using budget::memory;
using budget::Peer;
using loop_rig::Recorder;

/// Echoes into memory of its own.
class BufferedEcho final : public BufferedProtocol {
 public:
  void connection_made(TransportRef made) override { transport_ = std::move(made); }
  MutableBytesView get_buffer(std::ptrdiff_t) override { return memory_; }
  void buffer_updated(std::size_t size_bytes) override {
    transport_->write(BytesView(memory_.data(), size_bytes));
  }
  void connection_lost(const Error&) override { transport_.reset(); }

 private:
  TransportRef transport_;
  std::array<char, 4096> memory_;
};

class Budget : public budget::PairTest {
 protected:
  void end(Pair& pair) {
    pair.transport->abort();
    turns(2);
  }

  static std::string unix_name() { return "@tidegate-budget-" + std::to_string(::getpid()); }

  void steady_echo(Server& server, const Endpoint& endpoint, std::size_t most_calls_on_io_uring);
};

/// 50 connections, 200 messages each, after a few to warm up: the numbers that matter. What is allowed on
/// io_uring is for all connections together to echo one message each.
void Budget::steady_echo(Server& server, const Endpoint& endpoint, std::size_t most_calls_on_io_uring) {
  constexpr std::size_t kConnections = 50;
  constexpr std::size_t kRounds = 200;
  constexpr std::size_t kMessageBytes = 64;
  const std::string message(kMessageBytes, 'm');
  std::vector<Peer> peers;
  for (std::size_t count = 0; count < kConnections; ++count) {
    peers.push_back(Peer::connect(endpoint));
    ASSERT_TRUE(peers.back().valid());
    turn();
  }
  std::vector<std::size_t> received(kConnections, 0);
  std::size_t wrong = 0;
  const auto round = [&] {
    std::fill(received.begin(), received.end(), 0U);
    for (const Peer& peer : peers) wrong += peer.send(message) == kMessageBytes ? 0U : 1U;
    std::size_t missing = kConnections;
    for (int tries = 0; missing > 0 && tries < 10'000; ++tries) {
      turn();
      missing = 0;
      for (std::size_t index = 0; index < kConnections; ++index) {
        char memory[kMessageBytes];
        const std::size_t count = peers[index].receive(memory, kMessageBytes - received[index]);
        wrong += static_cast<std::size_t>(
            std::count_if(memory, memory + count, [](char byte) { return byte != 'm'; }));
        received[index] += count;
        if (received[index] < kMessageBytes) ++missing;
        if (received[index] == kMessageBytes) continue;
      }
    }
    wrong += missing;
  };
  for (int warm_up = 0; warm_up < 5; ++warm_up) round();

  const auto memory_before = memory();
  calls() = {};
  for (std::size_t count = 0; count < kRounds; ++count) round();
  const auto made = calls();
  const auto memory_after = memory();

  EXPECT_EQ(wrong, 0U);
  EXPECT_EQ(memory_after.allocations - memory_before.allocations, 0U) << "allocations for 10,000 messages";
  EXPECT_EQ(made.epoll_ctl, 0U) << "epoll_ctl for 10,000 messages";
  EXPECT_EQ(made.accept, 0U);
  if (loop().backend_name() == "epoll") {
    EXPECT_EQ(made.send, kConnections * kRounds) << "one send a message";
    EXPECT_LE(made.receive, 2 * kConnections * kRounds) << "at most two recv a message";
  } else {
    std::printf("%.2f system calls a message\n", static_cast<double>(made.all()) / (kConnections * kRounds));
    EXPECT_EQ(made.send, 0U) << "sends go along with the wait";
    EXPECT_LE(made.all(), most_calls_on_io_uring * kRounds);
  }

  server.abort_clients();
  server.close();
  run(server.wait_closed());
}

TEST_F(Budget, a_steady_echo_over_tcp_costs_one_send_and_no_allocation_a_message) {
  Server server =
      run(loop().create_server([] { return std::make_unique<loop_rig::Echo>(); }, "127.0.0.1", 0));
  steady_echo(server, server.endpoints()[0], 10);
}

TEST_F(Budget, a_steady_echo_over_unix_sockets_costs_one_send_and_no_allocation_a_message) {
  Server server =
      run(loop().create_unix_server([] { return std::make_unique<loop_rig::Echo>(); }, unix_name()));
  steady_echo(server, server.endpoints()[0], 10);
}

TEST_F(Budget, a_steady_echo_with_buffered_protocols_costs_no_more) {
  Server server = run(loop().create_server([] { return std::make_unique<BufferedEcho>(); }, "127.0.0.1", 0));
  // And two receives for each, the second of which finds nothing.
  steady_echo(server, server.endpoints()[0], 110);
}

// --- W6: gathering -----------------------------------------------------------------------------------------

TEST_F(Budget, W6_sixteen_writes_in_one_callback_leave_in_one_call) {
  Pair pair = connected_pair();
  std::string expected;
  for (int index = 0; index < 16; ++index) expected += "piece " + std::to_string(index) + ";";
  loop().call_soon([&] {
    for (int index = 0; index < 16; ++index) pair.transport->write("piece " + std::to_string(index) + ";");
    EXPECT_EQ(calls().send, 0U);
  });
  calls() = {};
  turn();
  EXPECT_EQ(calls().send, 1U);
  EXPECT_EQ(pair.peer.receive_all(), expected);
  EXPECT_EQ(pair.transport->get_write_buffer_size(), 0U);
  end(pair);
}

TEST_F(Budget, W6_views_chunks_and_lists_of_one_callback_leave_in_one_call_and_in_order) {
  Pair pair = connected_pair();
  const std::string large(3'000, 'c');
  loop().call_soon([&] {
    pair.transport->write("a");
    pair.transport->write(Chunk(std::string(large)));
    const std::vector<BytesView> views{"b", "", "c"};
    pair.transport->writelines(views);
    std::vector<Chunk> chunks;
    chunks.emplace_back(std::string(large));
    chunks.push_back(Chunk::immortal("d"));
    pair.transport->writelines(std::move(chunks));
    pair.transport->write("e");
  });
  calls() = {};
  turn();
  EXPECT_EQ(calls().send, 1U);
  EXPECT_EQ(pair.peer.receive_all(), "a" + large + "bc" + large + "de");
  end(pair);
}

TEST_F(Budget, W6_writes_of_several_callbacks_of_one_iteration_leave_together) {
  Pair pair = connected_pair();
  for (int index = 0; index < 16; ++index) loop().call_soon([&] { pair.transport->write("x"); });
  calls() = {};
  turn();
  EXPECT_EQ(calls().send, 1U);
  EXPECT_EQ(pair.peer.receive_all(), std::string(16, 'x'));
  end(pair);
}

TEST_F(Budget, W6_answers_to_what_did_not_fit_into_one_buffer_leave_in_one_call) {
  Pair pair = connected_pair();
  const auto echo = std::make_shared<BufferedEcho>();
  echo->connection_made(pair.transport);
  pair.transport->set_protocol(echo);
  const std::string message(10'000, 'm');  // three buffers, of which two are filled
  ASSERT_EQ(pair.peer.send(message), message.size());
  calls() = {};
  turns(2);
  EXPECT_EQ(calls().send, 1U);
  EXPECT_EQ(pair.peer.receive_all(), message);
  end(pair);
}

TEST_F(Budget, W6_an_answer_to_what_filled_the_buffer_leaves_before_the_loop_blocks) {
  Pair pair = connected_pair();
  const auto echo = std::make_shared<BufferedEcho>();
  echo->connection_made(pair.transport);
  pair.transport->set_protocol(echo);
  const std::string message(4096, 'm');
  ASSERT_EQ(pair.peer.send(message), message.size());
  turns(2);
  EXPECT_EQ(pair.peer.receive_all(), message);
  end(pair);
}

TEST_F(Budget, W6_what_is_written_leaves_before_the_loop_blocks) {
  Pair pair = connected_pair();
  bool arrived_before_the_timer = false;
  loop().call_soon([&] { pair.transport->write("now"); });
  loop().call_later(50ms, [&] {
    arrived_before_the_timer = pair.peer.receive_all() == "now";
    loop().stop();
  });
  loop().run_forever();
  EXPECT_TRUE(arrived_before_the_timer);
  end(pair);
}

TEST_F(Budget, W6_while_the_loop_does_not_run_a_write_leaves_at_once) {
  Pair pair = connected_pair();
  calls() = {};
  for (std::size_t index = 1; index <= 16; ++index) {
    pair.transport->write("x");
    EXPECT_EQ(calls().send, index);
    EXPECT_EQ(pair.peer.receive_all(), "x");
  }
  pair.transport->write(Chunk(std::string("chunk")));
  EXPECT_EQ(pair.peer.receive_all(), "chunk");
  end(pair);
}

TEST_F(Budget, W4_writelines_is_one_gathered_call) {
  Pair pair = connected_pair();
  const std::vector<BytesView> views{"one ", "two ", "", "three"};
  calls() = {};
  pair.transport->writelines(views);
  EXPECT_EQ(calls().send, 1U);
  EXPECT_EQ(pair.peer.receive_all(), "one two three");

  std::vector<Chunk> chunks;
  for (int index = 0; index < 10; ++index)
    chunks.emplace_back(std::string(1'000, static_cast<char>('a' + index)));
  calls() = {};
  pair.transport->writelines(std::move(chunks));
  EXPECT_EQ(calls().send, 1U);
  EXPECT_EQ(pair.peer.receive_all().size(), 10'000U);

  // More pieces than one call takes: as few as that allows.
  std::vector<Chunk> many;
  for (int index = 0; index < 200; ++index) many.emplace_back(std::string(600, 'x'));
  calls() = {};
  loop().call_soon([&] { pair.transport->writelines(std::move(many)); });
  turn();
  EXPECT_LE(calls().send, 4U);
  EXPECT_EQ(pair.peer.receive_all().size(), 120'000U);
  end(pair);
}

// --- bookkeeping -------------------------------------------------------------------------------------------

TEST_F(Budget, R2_a_pause_without_data_in_between_touches_the_kernel_not_at_all) {
  Pair pair = connected_pair();
  calls() = {};
  for (int round = 0; round < 100; ++round) {
    pair.transport->pause_reading();
    turn();
    pair.transport->resume_reading();
    turn();
  }
  EXPECT_EQ(calls().epoll_ctl, 0U);
  EXPECT_EQ(calls().receive, 0U);
  pair.peer.send("still there");
  EXPECT_TRUE(run_until([&] { return pair.recorder->received == "still there"; }));
  end(pair);
}

TEST_F(Budget, R2_data_that_waits_during_a_pause_does_not_keep_the_loop_awake) {
  Pair pair = connected_pair();
  pair.transport->pause_reading();
  pair.peer.send("wait");
  turns(3);
  calls() = {};
  loop().call_later(50ms, [&] { loop().stop(); });
  loop().run_forever();
  EXPECT_LE(calls().wait, 4U);
  EXPECT_EQ(pair.recorder->received, "");
  pair.transport->resume_reading();
  EXPECT_TRUE(run_until([&] { return pair.recorder->received == "wait"; }));
  end(pair);
}

TEST_F(Budget, idle_connections_do_not_wake_the_loop) {
  Server server =
      run(loop().create_server([] { return std::make_unique<loop_rig::Echo>(); }, "127.0.0.1", 0));
  std::vector<Peer> peers;
  for (int count = 0; count < 50; ++count) {
    peers.push_back(Peer::connect(server.endpoints()[0]));
    peers.back().send("x");
    turn();
  }
  std::string echoed;
  EXPECT_TRUE(run_until([&] {
    for (Peer& peer : peers) echoed += peer.receive_all();
    return echoed.size() == peers.size();
  }));
  turns(2);
  calls() = {};
  loop().call_later(50ms, [&] { loop().stop(); });
  loop().run_forever();
  EXPECT_LE(calls().wait, 3U);
  EXPECT_EQ(calls().epoll_ctl, 0U);
  server.abort_clients();
  server.close();
  run(server.wait_closed());
}

// --- memory ------------------------------------------------------------------------------------------------

/// Another process that holds the other ends, so that each side has a whole table of descriptors.
class Clients {
 public:
  /// REQUIRES: called before there are threads.
  Clients() {
    static_cast<void>(!::pipe(orders_));
    static_cast<void>(!::pipe(answers_));
    child_ = ::fork();
    if (child_ == 0) work();
    ::close(orders_[0]);
    ::close(answers_[1]);
  }
  Clients(const Clients&) = delete;
  Clients& operator=(const Clients&) = delete;
  ~Clients() {
    ::close(orders_[1]);
    ::close(answers_[0]);
    int status = 0;
    ::waitpid(child_, &status, 0);
  }

  void connect(std::uint16_t port, std::uint32_t count) const {
    const std::uint32_t order[2] = {port, count};
    static_cast<void>(!::write(orders_[1], order, sizeof order));
  }
  /// How many were connected; waits for the answer.
  [[nodiscard]] std::uint32_t connected() const {
    std::uint32_t count = 0;
    static_cast<void>(!::read(answers_[0], &count, sizeof count));
    return count;
  }
  [[nodiscard]] int answer_descriptor() const noexcept { return answers_[0]; }

 private:
  [[noreturn]] void work() const {
    ::close(orders_[1]);
    std::uint32_t order[2] = {0, 0};
    if (::read(orders_[0], order, sizeof order) != sizeof order) ::_exit(1);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(order[0]));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    std::uint32_t count = 0;
    for (; count < order[1]; ++count) {
      const int number = ::socket(AF_INET, SOCK_STREAM, 0);
      if (number < 0 ||
          __real_connect(number, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        break;
    }
    static_cast<void>(!::write(answers_[1], &count, sizeof count));
    static_cast<void>(!::read(orders_[0], order, sizeof order));  // until the test is over
    ::_exit(0);
  }

  int orders_[2] = {-1, -1};
  int answers_[2] = {-1, -1};
  pid_t child_ = -1;
};

/// As many descriptors as the system allows.
rlim_t raise_descriptor_limit() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

TEST(BudgetOfMemory, an_idle_accepted_connection_costs_at_most_a_kibibyte) {
  constexpr std::uint32_t kWanted = 10'000;
  constexpr std::uint32_t kFewest = 2'000;
  const rlim_t limit = raise_descriptor_limit();
  const auto connections = static_cast<std::uint32_t>(std::min<rlim_t>(kWanted, limit - 200));
  if (connections < kWanted)
    std::printf("only %u connections: the limit of descriptors is %lu\n", connections, limit);
  ASSERT_GE(connections, kFewest);
  const auto before = loop_rig::open_descriptors();
  {
    Clients clients;
    Loop loop;
    std::uint32_t made = 0;
    struct Idle final : Protocol {
      explicit Idle(std::uint32_t& count) : made(count) {}
      void connection_made(TransportRef kept) override {
        transport = std::move(kept);
        ++made;
      }
      void connection_lost(const Error&) override { transport.reset(); }
      std::uint32_t& made;
      TransportRef transport;
    };
    auto make = [&made] {
      const budget::Uncounted the_programs_own;
      return std::make_shared<Idle>(made);
    };
    Server server =
        loop.run_until_complete(loop.create_server(make, "127.0.0.1", 0, ServerOptions{.backlog = 1'024}));
    const auto bytes_before = memory().live_bytes;
    clients.connect(server.endpoints()[0].port().number(), connections);
    const TimePoint deadline = loop.time() + 60s;
    while (made < connections && loop.time() < deadline) {
      loop.call_later(1ms, [&] { loop.stop(); });
      loop.run_forever();
    }
    ASSERT_EQ(made, connections);
    EXPECT_EQ(clients.connected(), connections);
    const auto bytes = memory().live_bytes - bytes_before;
    const auto each = static_cast<double>(bytes) / connections;
    std::printf("%u idle connections: %.0f bytes each\n", connections, each);
    testing::Test::RecordProperty("bytes_per_connection", std::to_string(each));
    EXPECT_LE(each, 1'024.0);
    server.abort_clients();
    server.close();
    loop.run_until_complete(server.wait_closed());
  }
  EXPECT_EQ(loop_rig::open_descriptors(), before);
}

/// Writes as much as it is allowed to.
class Producer final : public Protocol {
 public:
  explicit Producer(std::size_t total) : left(total), block_(65'536, 'p') {}
  void connection_made(TransportRef made) override {
    transport = std::move(made);
    produce();
  }
  void pause_writing() override {
    ++pauses;
    paused_ = true;
  }
  void resume_writing() override {
    paused_ = false;
    produce();
  }
  void connection_lost(const Error&) override { transport.reset(); }

  TransportRef transport;
  std::size_t left;
  std::size_t most_buffered = 0;
  int pauses = 0;

 private:
  void produce() {
    while (!paused_ && left > 0) {
      const std::size_t size = std::min(left, block_.size());
      left -= size;
      transport->write(BytesView(block_.data(), size));
      most_buffered = std::max(most_buffered, transport->get_write_buffer_size());
    }
    if (left == 0) transport->close();
  }

  std::string block_;
  bool paused_ = false;
};

TEST_F(Budget, F6_a_slow_reader_keeps_the_memory_at_the_high_mark_and_one_write) {
  constexpr std::size_t kTotal = std::size_t{64} * 1024 * 1024;
  auto producer = std::make_shared<Producer>(kTotal);
  auto [own, other] = Socket::pair();
  Peer reader(other.release());
  std::vector<char> memory_of_the_reader(262'144);
  const auto live_before = memory().live_bytes;
  auto connection = run(loop().create_connection([&] { return producer; }, std::move(own)));
  const std::size_t high = connection.transport->get_write_buffer_limits().high;
  std::ptrdiff_t most_live = 0;
  std::size_t received = 0;
  calls() = {};
  for (int rounds = 0; !reader.ended && rounds < 1'000'000; ++rounds) {
    received += reader.receive(memory_of_the_reader.data(), memory_of_the_reader.size());
    turn();
    most_live = std::max(most_live, memory().live_bytes - live_before);
  }
  EXPECT_EQ(received, kTotal);
  EXPECT_GT(producer->pauses, 10);
  EXPECT_LE(producer->most_buffered, high + 65'536);
  EXPECT_LE(most_live, static_cast<std::ptrdiff_t>(high + 65'536 + 65'536))
      << "buffer, one write, and the bookkeeping";
  EXPECT_LE(calls().epoll_ctl, 16U) << "a transfer that blocks again and again leaves its interest in place";
}

TEST_F(Budget, a_closed_connection_gives_all_its_memory_back) {
  Server server =
      run(loop().create_server([] { return std::make_unique<loop_rig::Echo>(); }, "127.0.0.1", 0));
  const auto round = [&] {
    std::vector<Peer> peers;
    for (int count = 0; count < 100; ++count) {
      peers.push_back(Peer::connect(server.endpoints()[0]));
      peers.back().send("hello");
      turn();
    }
    turns(3);
    peers.clear();
    for (int tries = 0; tries < 20; ++tries) turn();
  };
  for (int warm_up = 0; warm_up < 3; ++warm_up) round();
  const auto before = memory().live_bytes;
  for (int count = 0; count < 20; ++count) round();
  EXPECT_LE(memory().live_bytes - before, 4'096) << "2,000 connections came and went";
  server.abort_clients();
  server.close();
  run(server.wait_closed());
}

// --- the loop ----------------------------------------------------------------------------------------------

TEST_F(Budget, callbacks_and_timers_allocate_nothing_in_a_steady_state) {
  int calls_left = 0;
  struct Again {
    Loop& loop;
    int& left;
    void operator()() const {
      if (--left <= 0) return;
      loop.call_soon(Again{loop, left});
      loop.call_later(0ms, [] {});
    }
  };
  const auto round = [&](int count) {
    calls_left = count;
    loop().call_soon(Again{loop(), calls_left});
    while (calls_left > 0) turn();
    turns(2);
  };
  round(1'000);
  const auto before = memory().allocations;
  round(10'000);
  EXPECT_EQ(memory().allocations - before, 0U);
}

TEST_F(Budget, an_idle_loop_sleeps) {
  calls() = {};
  loop().call_later(50ms, [&] { loop().stop(); });
  loop().run_forever();
  EXPECT_LE(calls().wait, 3U);
}

}  // namespace
}  // namespace tidegate
