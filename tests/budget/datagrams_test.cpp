// What datagrams cost, and what becomes of them when the system refuses.
#include <tidegate/tidegate.hpp>

#include "budget/meters.hpp"
#include "budget/peer.hpp"
#include "contract/loop_rig.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

namespace tidegate {
namespace {

using namespace std::chrono_literals;
using budget::Attempt;
using budget::Call;
using budget::calls;
using budget::FaultInjection;
using budget::memory;
using budget::Peer;
using ::testing::ElementsAre;

/// Sends back what it receives, each datagram as many times as it is told.
class DatagramEcho final : public DatagramProtocol {
 public:
  void connection_made(DatagramTransportRef made) override { transport = std::move(made); }
  void datagram_received(BytesView data, const Endpoint& address) override {
    ++received;
    for (int copy = 0; copy < copies; ++copy) transport->sendto(data, address);
  }
  void error_received(const Error& error) override { errors.push_back(error.code().value()); }
  void pause_writing() override { calls_made.emplace_back("pause"); }
  void resume_writing() override { calls_made.emplace_back("resume"); }
  void connection_lost(const Error& error) override {
    calls_made.emplace_back("lost");
    reason = error;
    transport.reset();
  }

  DatagramTransportRef transport;
  int copies = 1;
  std::size_t received = 0;
  std::vector<int> errors;
  std::vector<std::string> calls_made;
  Error reason;
};

class BudgetOfDatagrams : public loop_rig::LoopTest {
 protected:
  using Opened = DatagramEndpoint<DatagramEcho>;

  Opened open(const DatagramOptions& options = {.local = {"127.0.0.1", 0}}) {
    return run(loop().create_datagram_endpoint([] { return std::make_shared<DatagramEcho>(); }, options));
  }
  /// A socket of the test that talks to `opened` only.
  static Peer peer_of(const Opened& opened) {
    const net::SocketAddress to = net::to_sockaddr(opened.transport->sockname());
    OwnedFileDescriptor socket(FileDescriptor{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)});
    EXPECT_EQ(__real_connect(socket.get().number, to.get(), to.length), 0);
    return Peer(std::move(socket));
  }
  static Endpoint endpoint_of(const Peer& peer) {
    return SocketView(FileDescriptor{peer.number()}).local_endpoint();
  }
  static std::vector<std::string> received_by(Peer& peer) {
    std::vector<std::string> datagrams;
    std::string memory(70'000, '\0');
    while (const std::size_t size = peer.receive(memory.data(), memory.size()))
      datagrams.push_back(memory.substr(0, size));
    return datagrams;
  }
  void end(Opened& opened) {
    opened.transport->abort();
    turns(2);
  }

  void steady_echo(std::size_t at_once, std::size_t size, double most_calls_a_datagram);
};

/// Rounds of so many datagrams each, answered, after a few to warm up.
void BudgetOfDatagrams::steady_echo(std::size_t at_once, std::size_t size, double most_calls_a_datagram) {
  constexpr std::size_t kRounds = 200;
  Opened opened = open();
  Peer peer = peer_of(opened);
  std::vector<std::string> sent;
  for (std::size_t index = 0; index < at_once; ++index)
    sent.emplace_back(size - index % 2, static_cast<char>('a' + index % 26));
  std::vector<char> memory_of_one(size);
  std::size_t wrong = 0;
  const auto round = [&] {
    for (const std::string& datagram : sent) wrong += peer.send(datagram) == datagram.size() ? 0U : 1U;
    std::size_t next = 0;
    for (int tries = 0; next < at_once && tries < 10'000; ++tries) {
      turn();
      while (const std::size_t count = peer.receive(memory_of_one.data(), memory_of_one.size())) {
        wrong += std::string_view(memory_of_one.data(), count) == sent[next] ? 0U : 1U;
        if (++next == at_once) break;
      }
    }
    wrong += at_once - next;
  };
  for (int warm_up = 0; warm_up < 5; ++warm_up) round();
  const auto memory_before = memory();
  calls() = {};
  for (std::size_t count = 0; count < kRounds; ++count) round();
  const auto made = calls();
  const auto memory_after = memory();
  EXPECT_EQ(wrong, 0U);
  EXPECT_EQ(memory_after.allocations - memory_before.allocations, 0U);
  EXPECT_EQ(made.epoll_ctl, 0U);
  const double calls_a_datagram = static_cast<double>(made.all()) / static_cast<double>(at_once * kRounds);
  std::printf("%zu at once: %.2f system calls a datagram\n", at_once, calls_a_datagram);
  EXPECT_LE(calls_a_datagram, most_calls_a_datagram);
  end(opened);
}

TEST_F(BudgetOfDatagrams, steady_datagrams_one_by_one_cost_a_receive_a_send_and_a_wait_and_no_allocation) {
  steady_echo(1, 512, 3.1);
}

TEST_F(BudgetOfDatagrams, steady_datagrams_many_at_a_time_share_their_calls_and_allocate_nothing) {
  // 64 in two receives, each answered by one call; and the waits.
  steady_echo(64, 512, 0.12);
}

TEST_F(BudgetOfDatagrams, steady_datagrams_that_wait_for_room_allocate_nothing) {
  Opened opened = open();
  Peer peer = peer_of(opened);
  bool is_full = false;
  const FaultInjection refuse([&](Attempt& attempt) {
    return attempt.call == Call::send_datagrams && std::exchange(is_full, false) ? EAGAIN : 0;
  });
  std::size_t answered = 0;
  char answer[16];
  const auto round = [&] {
    is_full = true;
    for (int count = 0; count < 5; ++count) peer.send("question");
    for (int tries = 0, missing = 5; missing > 0 && tries < 10'000; ++tries) {
      turn();
      while (missing > 0 && peer.receive(answer, sizeof answer) == 8) {
        --missing;
        ++answered;
      }
    }
  };
  for (int warm_up = 0; warm_up < 5; ++warm_up) round();
  const auto before = memory();
  for (int count = 0; count < 200; ++count) round();
  EXPECT_EQ(memory().allocations - before.allocations, 0U);
  EXPECT_EQ(answered, 205U * 5);
  end(opened);
}

TEST_F(BudgetOfDatagrams, idle_sockets_do_not_wake_the_loop) {
  std::vector<Opened> all;
  for (int count = 0; count < 20; ++count) all.push_back(open());
  turns(2);
  calls() = {};
  TimerHandle stop = loop().call_later(50ms, [&] { loop().stop(); });
  loop().run_forever();
  EXPECT_LE(calls().wait, 3U);
  EXPECT_EQ(calls().receive_datagrams, 0U);
  for (Opened& opened : all) end(opened);
}

TEST_F(BudgetOfDatagrams, W6_answers_to_one_address_leave_in_one_call_and_those_of_one_size_in_one_message) {
  Opened opened = open();
  Peer peer = peer_of(opened);
  opened.protocol->copies = 40;
  std::vector<std::size_t> messages;
  const FaultInjection watch([&](Attempt& attempt) {
    if (attempt.call == Call::send_datagrams) messages.push_back(attempt.messages);
    return 0;
  });
  peer.send("answer me");
  EXPECT_TRUE(run_until([&] { return !messages.empty(); }));
  EXPECT_THAT(messages, ElementsAre(1U)) << "forty datagrams as one message";
  EXPECT_EQ(received_by(peer), std::vector<std::string>(40, "answer me"));
  end(opened);
}

// --- what is refused (D2, D3) ------------------------------------------------------------------------------

TEST_F(BudgetOfDatagrams, D2_trains_that_an_interface_refuses_go_one_by_one_from_then_on) {
  Opened opened = open();
  Peer peer = peer_of(opened);
  opened.protocol->copies = 10;
  std::vector<std::pair<std::size_t, bool>> attempts;
  {
    const FaultInjection refuse([&](Attempt& attempt) {
      if (attempt.call != Call::send_datagrams) return 0;
      attempts.emplace_back(attempt.messages, attempt.begins_with_train);
      return attempt.begins_with_train ? EIO : 0;
    });
    for (int count = 1; count <= 2; ++count) {
      peer.send("again");
      EXPECT_TRUE(run_until([&] { return attempts.size() == static_cast<std::size_t>(count) + 1; }));
    }
  }
  EXPECT_THAT(attempts, ElementsAre(std::pair(1U, true), std::pair(10U, false), std::pair(10U, false)));
  EXPECT_EQ(received_by(peer), std::vector<std::string>(20, "again"));
  EXPECT_TRUE(opened.protocol->errors.empty()) << "nobody's business";
  end(opened);
}

TEST_F(BudgetOfDatagrams, D2_what_is_refused_at_once_is_told_at_once_and_the_next_goes) {
  Opened opened = open();
  Peer peer = peer_of(opened);
  const Endpoint to = endpoint_of(peer);
  {
    const FaultInjection refuse(
        [](Attempt& attempt) { return attempt.call == Call::send_datagrams ? ENOBUFS : 0; });
    opened.transport->sendto("lost", to);
    EXPECT_THAT(opened.protocol->errors, ElementsAre(ENOBUFS));
  }
  opened.transport->sendto("arrives", to);
  EXPECT_THAT(received_by(peer), ElementsAre("arrives"));
  EXPECT_EQ(opened.transport->get_write_buffer_size(), 0U);
  end(opened);
}

TEST_F(BudgetOfDatagrams, D2_refused_in_the_middle_of_a_gathered_batch_the_right_ones_are_missing) {
  Opened opened = open();
  Peer peer = peer_of(opened);
  const std::vector<std::string> answers = {"1", "22", "333", "4444", "55555", "666666"};
  class Answering final : public DatagramProtocol {
   public:
    explicit Answering(const std::vector<std::string>& answers) : answers_(answers) {}
    void datagram_received(BytesView, const Endpoint& address) override {
      for (const std::string& answer : answers_) transport->sendto(answer, address);
    }
    void error_received(const Error& error) override { errors.push_back(error.code().value()); }
    DatagramTransportRef transport;
    std::vector<int> errors;

   private:
    const std::vector<std::string>& answers_;
  };
  const auto answering = std::make_shared<Answering>(answers);
  answering->transport = opened.transport;
  opened.transport->set_protocol(answering);
  std::size_t taken = 0;
  {
    // The kernel takes two, then refuses the one behind them, and so on.
    bool refuses = false;
    const FaultInjection refuse([&](Attempt& attempt) {
      if (attempt.call != Call::send_datagrams) return 0;
      if (std::exchange(refuses, !refuses)) return ENOBUFS;
      attempt.messages = std::min<std::size_t>(attempt.messages, 2);
      taken += attempt.messages;
      return 0;
    });
    peer.send("go");
    EXPECT_TRUE(run_until([&] { return taken == 4; }));
    turns(2);
  }
  EXPECT_THAT(answering->errors, ElementsAre(ENOBUFS, ENOBUFS));
  EXPECT_THAT(received_by(peer), ElementsAre("1", "22", "4444", "55555"));
  opened.transport->set_protocol(opened.protocol);
  answering->transport.reset();
  end(opened);
}

TEST_F(BudgetOfDatagrams, F1_pauses_and_resumes_alternate_while_errors_come) {
  Opened opened = open();
  Peer peer = peer_of(opened);
  const Endpoint to = endpoint_of(peer);
  opened.transport->set_write_buffer_limits({.high = 40, .low = 10});
  std::size_t attempts = 0;
  {
    // No room, an error, two of them go, and round again.
    const FaultInjection refuse([&](Attempt& attempt) {
      if (attempt.call != Call::send_datagrams) return 0;
      switch (attempts++ % 3) {
        case 0:
          return EAGAIN;
        case 1:
          return ECONNREFUSED;
        default:
          attempt.messages = std::min<std::size_t>(attempt.messages, 2);
          return 0;
      }
    });
    for (int count = 0; count < 60; ++count) {
      opened.transport->sendto("0123456789", to);
      if (opened.transport->get_write_buffer_size() < 100) continue;
      EXPECT_TRUE(run_until([&] { return opened.protocol->calls_made.size() % 2 == 0; })) << "still paused";
    }
    EXPECT_TRUE(run_until([&] { return opened.transport->get_write_buffer_size() == 0; }));
  }
  turns(2);
  std::vector<std::string> expected;
  for (std::size_t index = 0; index < opened.protocol->calls_made.size(); ++index)
    expected.emplace_back(index % 2 == 0 ? "pause" : "resume");
  EXPECT_EQ(opened.protocol->calls_made, expected);
  EXPECT_GE(expected.size(), 4U);
  EXPECT_EQ(expected.size() % 2, 0U) << "paused for ever";
  EXPECT_GT(opened.protocol->errors.size(), 5U);
  EXPECT_EQ(received_by(peer).size() + opened.protocol->errors.size(), 60U) << "each went or was told of";
  end(opened);
}

// --- receiving that fails ----------------------------------------------------------------------------------

TEST_F(BudgetOfDatagrams, D2_errors_of_receiving_are_told_and_it_goes_on) {
  Opened opened = open();
  Peer peer = peer_of(opened);
  std::vector<int> due = {ECONNREFUSED, EHOSTUNREACH, ENETUNREACH};
  const FaultInjection refuse([&](Attempt& attempt) {
    if (attempt.call != Call::receive_datagrams || due.empty()) return 0;
    const int error = due.front();
    due.erase(due.begin());
    return error;
  });
  peer.send("after all");
  EXPECT_TRUE(run_until([&] { return opened.protocol->received == 1; }));
  EXPECT_THAT(opened.protocol->errors, ElementsAre(ECONNREFUSED, EHOSTUNREACH, ENETUNREACH));
  end(opened);
}

TEST_F(BudgetOfDatagrams, D2_a_socket_that_can_not_be_received_from_is_the_end) {
  for (const int error : {ENOMEM, EBADF, ENOTSOCK}) {
    SCOPED_TRACE(error);
    Opened opened = open();
    const Peer peer = peer_of(opened);
    const FaultInjection refuse(
        [&](Attempt& attempt) { return attempt.call == Call::receive_datagrams ? error : 0; });
    peer.send("x");
    EXPECT_TRUE(run_until([&] { return !opened.protocol->calls_made.empty(); }));
    EXPECT_THAT(opened.protocol->calls_made, ElementsAre("lost"));
    EXPECT_EQ(opened.protocol->reason.code().value(), error);
    EXPECT_TRUE(opened.protocol->errors.empty());
  }
}

TEST_F(BudgetOfDatagrams, a_socket_that_can_not_be_watched_is_the_end) {
  const DatagramOptions options{.local = {"127.0.0.1", 0}};
  Opened opened;
  {
    const FaultInjection refuse(
        [](Attempt& attempt) { return attempt.call == Call::epoll_ctl ? ENOSPC : 0; });
    opened = open(options);
    turns(2);
  }
  EXPECT_TRUE(run_until([&] { return !opened.protocol->calls_made.empty(); }));
  EXPECT_THAT(opened.protocol->calls_made, ElementsAre("lost"));
  EXPECT_EQ(opened.protocol->reason.code().value(), ENOSPC);
}

}  // namespace
}  // namespace tidegate
