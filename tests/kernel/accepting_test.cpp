// Accepting: every connection is handed over once, or closed.
#include "kernel/seam_test.hpp"

#include <cerrno>
#include <chrono>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>

namespace tidegate::kernel::testing {
namespace {

using namespace std::chrono_literals;

std::string text_of(const net::SocketAddress& address) {
  return {reinterpret_cast<const char*>(address.get()), address.length};
}

class SeamAccepting : public SeamTest {
 protected:
  void SetUp() override {
    SeamTest::SetUp();
    if (IsSkipped()) return;
    Listener listener = tcp_listener();
    address_ = listener.address;
    listener_ = attach(std::move(listener.descriptor));
  }
  void TearDown() override {
    clients_.clear();
    SeamTest::TearDown();
  }

  void connect(int count) {
    for (; count > 0; --count) clients_.emplace_back(connecting_to(address_));
  }

  /// Clients that were accepted, in the kernel's view, and not handed over before `acceptor` was cancelled.
  [[nodiscard]] std::vector<RawPeer> accepted_for_nobody(Acceptor& acceptor, ChannelId channel,
                                                         const net::SocketAddress& address) {
    start(acceptor, channel);
    turn();
    std::vector<RawPeer> clients;
    for (int client = 0; client < 6; ++client) clients.emplace_back(connecting_to(address));
    backend().wait(100ms, Duration::zero());  // they wait to be dispatched
    cancel(acceptor);
    backend().tell_done();
    return clients;
  }

  ChannelId listener_;
  net::SocketAddress address_;
  std::vector<RawPeer> clients_;
};

TEST_P(SeamAccepting, hands_over_every_connection_and_who_it_is_from) {
  auto& acceptor = make<Acceptor>();
  start(acceptor, listener_);
  turn();
  connect(13);
  run_until([&] { return acceptor.connections.size() == 13; });
  for (std::size_t index = 0; index < 13; ++index) {
    net::SocketAddress client;
    client.length = net::SocketAddress::capacity();
    ::getpeername(acceptor.connections[index].get().number, client.get(), &client.length);
    EXPECT_EQ(text_of(acceptor.peers[index]), text_of(client)) << index;
    EXPECT_EQ(::send(acceptor.connections[index].get().number, "!", 1, MSG_NOSIGNAL), 1);
  }
  for (RawPeer& client : clients_) {
    run_until([&] { return client.has(1); });
  }
  expect_no_spin();
  EXPECT_FALSE(acceptor.ended());
}

TEST_P(SeamAccepting, connections_are_non_blocking_and_close_on_exec) {
  auto& acceptor = make<Acceptor>();
  start(acceptor, listener_);
  connect(1);
  run_until([&] { return !acceptor.connections.empty(); });
  const int number = acceptor.connections[0].get().number;
  EXPECT_NE(::fcntl(number, F_GETFL) & O_NONBLOCK, 0);
  EXPECT_NE(::fcntl(number, F_GETFD) & FD_CLOEXEC, 0);
}

TEST_P(SeamAccepting, cancel_from_inside_accepted_leaves_the_others_for_the_next_start) {
  auto& acceptor = make<Acceptor>();
  acceptor.on_accepted = [&] { cancel(acceptor); };
  start(acceptor, listener_);
  turn();
  connect(6);
  for (std::size_t round = 1; round <= 6; ++round) {
    run_until([&] { return acceptor.ended(); });
    run_until_quiet();
    EXPECT_EQ(acceptor.connections.size(), round);
    EXPECT_EQ(acceptor.last_end(), -ECANCELED);
    start(acceptor, listener_);
  }
  connect(1);
  run_until([&] { return acceptor.connections.size() == 7; });
}

TEST_P(SeamAccepting, what_was_accepted_for_nobody_is_closed_with_the_listener) {
  for (const bool dispatched : {false, true}) {
    SCOPED_TRACE(dispatched);
    Listener listener = tcp_listener();
    const ChannelId channel = attach(std::move(listener.descriptor));
    auto& acceptor = make<Acceptor>();
    std::vector<RawPeer> clients = accepted_for_nobody(acceptor, channel, listener.address);
    if (dispatched) run_until_quiet();
    close(channel);
    turns(3);
    for (RawPeer& client : clients) {
      run_until([&] { return client.at_end(); });
    }
    EXPECT_TRUE(acceptor.connections.empty());
  }
}

TEST_P(SeamAccepting, what_was_accepted_and_not_handed_over_goes_with_the_backend) {
  Listener listener = tcp_listener();
  const ChannelId channel = attach(std::move(listener.descriptor));
  std::vector<RawPeer> clients = accepted_for_nobody(make<Acceptor>(), channel, listener.address);
  close(channel);
  end_backend();
  for (RawPeer& client : clients) {
    for (int tries = 0; tries < 1'000 && !client.at_end(); ++tries) std::this_thread::sleep_for(1ms);
    EXPECT_TRUE(client.at_end());
  }
}

TEST_P(SeamAccepting, close_from_inside_accepted_ends_all) {
  auto& acceptor = make<Acceptor>();
  acceptor.on_accepted = [&] {
    cancel(acceptor);
    close(listener_);
  };
  start(acceptor, listener_);
  turn();
  connect(5);
  run_until([&] { return acceptor.ended(); });
  turns(3);
  EXPECT_EQ(acceptor.connections.size(), 1U);
  acceptor.connections.clear();
  for (RawPeer& client : clients_) {
    run_until([&] { return client.at_end(); });
  }
}

TEST_P(SeamAccepting, a_client_that_has_gone_again_disturbs_nobody) {
  auto& acceptor = make<Acceptor>();
  connect(3);
  clients_[1].reset();
  start(acceptor, listener_);
  connect(2);
  run_until([&] { return acceptor.connections.size() >= 4; });
  EXPECT_FALSE(acceptor.ended());
}

TEST_P(SeamAccepting, running_out_of_descriptors_ends_it_with_that_and_it_can_be_started_again) {
  if (is_simulated()) GTEST_SKIP() << "about a thing of the system";
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "the sanitizers' own checks need descriptors and fail without";
#endif
  auto& acceptor = make<Acceptor>();
  connect(2);
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  const rlimit none{.rlim_cur = 0, .rlim_max = before.rlim_max};
  ::setrlimit(RLIMIT_NOFILE, &none);
  start(acceptor, listener_);
  run_until([&] { return acceptor.ended(); });
  ::setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_EQ(acceptor.last_end(), -EMFILE);
  EXPECT_TRUE(acceptor.connections.empty());
  start(acceptor, listener_);
  run_until([&] { return acceptor.connections.size() == 2; });
}

INSTANTIATE_TEST_SUITE_P(Seam, SeamAccepting, ::testing::ValuesIn(grounds()), name_of);

}  // namespace
}  // namespace tidegate::kernel::testing
