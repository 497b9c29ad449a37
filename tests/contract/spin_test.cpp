// LoopOptions::spin: a loop that asks again and again before it sleeps does everything that one does which
// sleeps at once.
#include <tidegate/tidegate.hpp>

#include <chrono>
#include <csignal>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include <gtest/gtest.h>
#include <unistd.h>

namespace tidegate {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

class Spin : public ::testing::TestWithParam<Duration> {
 protected:
  Loop loop{{.spin = GetParam()}};
};

TEST_P(Spin, E1_a_timer_is_never_early_and_in_order) {
  std::string order;
  const TimePoint begin = loop.time();
  loop.call_later(milliseconds(3), [&] {
    order += 'b';
    EXPECT_GE(loop.time() - begin, milliseconds(3));
    loop.stop();
  });
  loop.call_later(milliseconds(1), [&] {
    order += 'a';
    EXPECT_GE(loop.time() - begin, milliseconds(1));
  });
  loop.run_forever();
  EXPECT_EQ(order, "ab");
}

TEST_P(Spin, E1_what_is_ready_runs_at_once) {
  int rounds = 0;
  std::function<void()> round = [&] {
    if (++rounds < 1000) {
      loop.call_soon([&] { round(); });
    } else {
      loop.stop();
    }
  };
  loop.call_soon([&] { round(); });
  loop.run_forever();
  EXPECT_EQ(rounds, 1000);
}

TEST_P(Spin, E2_other_threads_end_the_spinning_and_the_sleep) {
  for (const milliseconds delay : {milliseconds(0), milliseconds(1), milliseconds(20)}) {
    std::thread other([&] {
      std::this_thread::sleep_for(delay);
      loop.call_soon_threadsafe([&] { loop.stop(); });
    });
    loop.run_forever();
    other.join();
  }
}

TEST_P(Spin, E4_a_signal_ends_the_spinning_and_the_sleep) {
  loop.add_signal_handler(SIGUSR1, [&] { loop.stop(); });
  for (const milliseconds delay : {milliseconds(0), milliseconds(20)}) {
    std::thread other([&] {
      std::this_thread::sleep_for(delay);
      ::kill(::getpid(), SIGUSR1);
    });
    loop.run_forever();
    other.join();
  }
}

class Pong final : public Protocol {
 public:
  void connection_made(TransportRef transport) override { transport_ = std::move(transport); }
  void data_received(BytesView data) override { transport_->write(data); }

 private:
  TransportRef transport_;
};

class Ping final : public Protocol {
 public:
  static constexpr int kRounds = 200;

  void connection_made(TransportRef transport) override {
    transport_ = std::move(transport);
    transport_->write("ping");
  }
  void data_received(BytesView data) override {
    received_ += data.text();
    if (received_.size() % 4 != 0) return;
    if (received_.size() == std::size_t{4} * kRounds) {
      transport_->close();
    } else {
      transport_->write("ping");
    }
  }
  void connection_lost(const Error&) override { transport_->loop().stop(); }

  [[nodiscard]] const std::string& received() const noexcept { return received_; }

 private:
  TransportRef transport_;
  std::string received_;
};

TEST_P(Spin, W1_messages_go_to_and_fro) {
  const auto serve = [](Loop& on) -> Task<Server> {
    auto factory = [] { return std::make_shared<Pong>(); };
    co_return co_await on.create_server(factory, "127.0.0.1", 0);
  };
  Server server = loop.run_until_complete(serve(loop));
  auto client = std::make_shared<Ping>();
  const auto connect = [](Loop& on, Port port, std::shared_ptr<Ping> protocol) -> Task<> {
    auto factory = [protocol] { return protocol; };
    co_await on.create_connection(factory, "127.0.0.1", port);
  };
  loop.run_until_complete(connect(loop, server.endpoints()[0].port(), client));
  loop.run_forever();
  EXPECT_EQ(client->received().size(), std::size_t{4} * Ping::kRounds);
  server.close();
}

INSTANTIATE_TEST_SUITE_P(Loops, Spin,
                         ::testing::Values(Duration::zero(), Duration(microseconds(50)),
                                           Duration(milliseconds(5)), Duration(microseconds(-1))),
                         [](const auto& info) {
                           return info.param < Duration::zero()
                                      ? std::string("negative")
                                      : "microseconds_" + std::to_string(info.param / microseconds(1));
                         });

}  // namespace
}  // namespace tidegate
