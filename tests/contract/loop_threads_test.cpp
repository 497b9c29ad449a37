// Calls from other threads (E2), and fairness between connections, callbacks and timers (E5).
#include <tidegate/tidegate.hpp>

#include "contract/loop_rig.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <csignal>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <netdb.h>

namespace tidegate {
namespace {

using namespace std::chrono_literals;
using loop_rig::LoopTest;

// --- E2: from other threads --------------------------------------------------------------------------------

class Threads_E2 : public LoopTest {};

TEST_F(Threads_E2, nothing_is_lost_and_each_threads_calls_run_in_its_order) {
  constexpr std::size_t kThreads = 8;
  constexpr int kCalls = 20'000;
  std::vector<int> next(kThreads, 0);
  std::size_t out_of_order = 0;
  std::size_t total = 0;
  std::vector<std::thread> threads;
  for (std::size_t thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (int call = 0; call < kCalls; ++call) {
        loop().call_soon_threadsafe([&, thread, call] {
          if (next[thread]++ != call) ++out_of_order;
          if (++total == kThreads * kCalls) loop().stop();
        });
      }
    });
  }
  const TimerHandle watchdog = loop().call_later(60s, [&] { loop().stop(); });
  loop().run_forever();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(total, kThreads * kCalls);
  EXPECT_EQ(out_of_order, 0U);
}

TEST_F(Threads_E2, a_call_from_another_thread_wakes_a_blocked_loop) {
  // Without any timer the loop blocks for ever: that it returns is the proof.
  std::thread other;
  std::thread::id ran_on;
  loop().call_soon([&] {
    other = std::thread([&] {
      loop().call_soon_threadsafe([&] {
        ran_on = std::this_thread::get_id();
        loop().stop();
      });
    });
  });
  loop().run_forever();
  other.join();
  EXPECT_EQ(ran_on, std::this_thread::get_id());
}

TEST_F(Threads_E2, a_thread_and_the_loop_play_ping_pong) {
  constexpr int kRounds = 2'000;
  std::mutex mutex;
  std::condition_variable changed;
  int pings = 0;
  std::thread other([&] {
    for (int round = 0; round < kRounds; ++round) {
      loop().call_soon_threadsafe([&] {
        const std::lock_guard lock(mutex);
        ++pings;
        changed.notify_one();
      });
      std::unique_lock lock(mutex);
      changed.wait(lock, [&] { return pings == round + 1; });
    }
    loop().call_soon_threadsafe([&] { loop().stop(); });
  });
  loop().run_forever();
  other.join();
  EXPECT_EQ(pings, kRounds);
}

TEST_F(Threads_E2, calls_made_before_the_loop_runs_are_kept) {
  std::vector<int> ran;
  std::thread other([&] {
    for (int call = 0; call < 10; ++call) loop().call_soon_threadsafe([&ran, call] { ran.push_back(call); });
  });
  other.join();
  EXPECT_TRUE(run_until([&] { return ran.size() == 10; }));
  EXPECT_TRUE(std::is_sorted(ran.begin(), ran.end()));
}

TEST_F(Threads_E2, a_handle_can_be_cancelled_and_dropped_on_any_thread) {
  std::atomic<int> ran{0};
  auto held = std::make_shared<int>(1);
  std::thread other([&] {
    for (int call = 0; call < 1'000; ++call) {
      Handle handle = loop().call_soon_threadsafe([&ran, held] { ++ran; });
      const Handle copy = handle;
      handle.cancel();
      EXPECT_TRUE(copy.cancelled());
    }
    loop().call_soon_threadsafe([&] { loop().stop(); });
  });
  loop().run_forever();
  other.join();
  EXPECT_LE(ran.load(), 1'000);
  turn();
  EXPECT_EQ(held.use_count(), 1);
}

TEST_F(Threads_E2, calls_are_refused_once_the_loop_is_closed_whatever_thread_they_come_from) {
  std::atomic<bool> go_on{true};
  std::atomic<int> accepted{0};
  std::atomic<int> refused{0};
  std::vector<std::thread> threads;
  for (int index = 0; index < 4; ++index) {
    threads.emplace_back([&] {
      while (go_on) {
        try {
          loop().call_soon_threadsafe([] {});
          ++accepted;
        } catch (const InvalidStateError&) {
          if (++refused > 1'000) return;
        }
      }
    });
  }
  EXPECT_TRUE(run_until([&] { return accepted > 1'000; }));
  loop().close();  // in the midst of it
  for (std::thread& thread : threads) thread.join();
  EXPECT_GT(refused.load(), 1'000);
}

// --- E5: fairness ------------------------------------------------------------------------------------------

class Fairness_E5 : public LoopTest {};

/// Keeps one direction of a socket pair full from a thread of its own, until told to stop.
class Flood {
 public:
  explicit Flood(Socket socket) : socket_(socket.release()), thread_([this] { work(); }) {}
  Flood(const Flood&) = delete;
  Flood& operator=(const Flood&) = delete;
  ~Flood() { stop(); }
  void stop() {
    ending_ = true;
    if (thread_.joinable()) thread_.join();
    socket_.reset();
  }

 private:
  void work() {
    const std::string block(65'536, 'f');
    while (!ending_) {
      const ssize_t sent =
          ::send(socket_.get().number, block.data(), block.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent < 0 && errno == EAGAIN) {
        static_cast<void>(loop_rig::wait_ready(socket_.get(), POLLOUT, 10));
      } else if (sent < 0) {
        return;
      }
    }
  }

  OwnedFileDescriptor socket_;
  std::atomic<bool> ending_{false};
  std::thread thread_;
};

/// Counts what it receives.
class Sink final : public Protocol {
 public:
  void connection_made(TransportRef made) override { transport = std::move(made); }
  void data_received(BytesView data) override {
    bytes += data.size();
    in_this_iteration += data.size();
  }
  void connection_lost(const Error&) override { transport.reset(); }
  TransportRef transport;
  std::size_t bytes = 0;
  std::size_t in_this_iteration = 0;
};

TEST_F(Fairness_E5, a_flooding_connection_starves_neither_others_nor_timers_and_threads_neither) {
  auto [flooded_end, flooding_end] = Socket::pair();
  auto [quiet_end, asking_end] = Socket::pair();
  auto sink = std::make_shared<Sink>();
  auto flooded = run(loop().create_connection([&] { return sink; }, std::move(flooded_end)));
  auto quiet =
      run(loop().create_connection([] { return std::make_unique<loop_rig::Echo>(); }, std::move(quiet_end)));
  auto asking = std::make_shared<loop_rig::Recorder>();
  auto asker = run(loop().create_connection([&] { return asking; }, std::move(asking_end)));
  Flood flood(std::move(flooding_end));
  ASSERT_TRUE(run_until([&] { return sink->bytes > 0; }));

  // A hundred round trips of the quiet connection, and timers in between, while the flood goes on.
  int round_trips = 0;
  int ticks = 0;
  std::size_t most_in_one_iteration = 0;
  asking->on_data = [&](loop_rig::Recorder& recorder) {
    if (recorder.received.size() % 4 != 0) return;
    if (++round_trips < 100) recorder.transport->write("ping");
  };
  std::function<void()> tick = [&] {
    ++ticks;
    loop().call_later(1ms, tick);
  };
  std::function<void()> each_iteration = [&] {
    most_in_one_iteration = std::max(most_in_one_iteration, std::exchange(sink->in_this_iteration, 0U));
    if (round_trips >= 100 && ticks >= 20) return;
    loop().call_soon(each_iteration);
  };
  asker.transport->write("ping");
  tick();
  sink->in_this_iteration = 0;
  loop().call_soon(each_iteration);
  EXPECT_TRUE(run_until([&] { return round_trips >= 100 && ticks >= 20; }));
  EXPECT_EQ(asking->received.size(), 400U);
  EXPECT_LE(most_in_one_iteration, std::size_t{2} * 1024 * 1024)
      << "work per descriptor and iteration is bounded";

  flooded.transport->abort();
  quiet.transport->abort();
  asker.transport->abort();
  flood.stop();
  turns(3);
}

TEST_F(Fairness_E5, callbacks_that_add_callbacks_for_ever_starve_neither_connections_nor_timers) {
  auto [own, other] = Socket::pair();
  auto recorder = std::make_shared<loop_rig::Recorder>();
  auto connection = run(loop().create_connection([&] { return recorder; }, std::move(own)));
  bool timer_ran = false;
  std::size_t rounds = 0;
  std::function<void()> again = [&] {
    ++rounds;
    if (!timer_ran || recorder->received.empty()) loop().call_soon(again);
  };
  loop().call_soon(again);
  loop().call_later(1ms, [&] { timer_ran = true; });
  ASSERT_EQ(::send(other.descriptor().number, "x", 1, 0), 1);
  EXPECT_TRUE(run_until([&] { return timer_ran && recorder->received == "x"; }));
  connection.transport->abort();
  turns(3);
}

TEST_F(Fairness_E5, timers_that_add_due_timers_for_ever_starve_nobody) {
  bool callback_ran = false;
  int timers = 0;
  std::function<void()> again = [&] {
    ++timers;
    if (!callback_ran) loop().call_later(0ms, again);
  };
  loop().call_later(0ms, again);
  turn();
  loop().call_soon([&] { callback_ran = true; });
  EXPECT_TRUE(run_until([&] { return callback_ran; }));
  EXPECT_GE(timers, 1);
}

}  // namespace
}  // namespace tidegate
