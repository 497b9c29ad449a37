// Waiting: for as long as was said and no longer, and ended by a wake-up from any thread.
#include "kernel/seam_test.hpp"

#include <atomic>
#include <chrono>
#include <optional>
#include <thread>
#include <vector>

namespace tidegate::kernel::testing {
namespace {

using namespace std::chrono_literals;

class SeamWaiting : public SeamTest {
 protected:
  std::chrono::nanoseconds duration_of_wait(std::optional<Duration> timeout,
                                            Duration spin = Duration::zero()) {
    const auto begin = backend().now();
    backend().wait(timeout, spin);
    return backend().now() - begin;
  }
  /// Whether a wait takes all of its time. A signal may end one early, and so may what the kernel does for a
  /// ring of before: then it is tried again.
  bool waits_for(Duration time, Duration spin = Duration::zero()) {
    for (int attempt = 0; attempt < 10; ++attempt) {
      const auto duration = duration_of_wait(time, spin);
      backend().dispatch();
      if (duration >= time) return duration < time + 3s;
    }
    return false;
  }
};

TEST_P(SeamWaiting, waits_for_its_time) {
  turns(2);
  for (const Duration spin : {Duration::zero(), Duration(3ms), Duration(1s)}) {
    EXPECT_TRUE(waits_for(15ms, spin));
  }
  EXPECT_LT(duration_of_wait(Duration::zero()), 1s);
}

TEST_P(SeamWaiting, a_wake_up_of_before_ends_the_next_wait_and_only_that) {
  turns(2);
  backend().wake();
  EXPECT_LT(duration_of_wait(3s), 2s);
  backend().dispatch();
  EXPECT_TRUE(waits_for(10ms));
  // After the wait has returned, whatever is dispatched.
  backend().wake();
  EXPECT_LT(duration_of_wait(3s), 2s);
  backend().wake();
  backend().dispatch();
  EXPECT_LT(duration_of_wait(3s), 2s) << "swallowed by dispatch";
  backend().dispatch();
  EXPECT_TRUE(waits_for(10ms));
}

TEST_P(SeamWaiting, a_wake_up_from_another_thread_ends_a_wait_that_has_no_bound) {
  turns(2);
  for (const Duration spin : {Duration::zero(), Duration(2ms), Duration(10s)}) {
    std::jthread other([this] {
      std::this_thread::sleep_for(5ms);
      backend().wake();
    });
    EXPECT_LT(duration_of_wait(std::nullopt, spin), 5s);
    backend().dispatch();
  }
}

TEST_P(SeamWaiting, no_wake_up_is_lost_however_they_fall) {
  // Each waits for the other: one that is lost stops them for good.
  constexpr int kRounds = 2'000;
  std::atomic<int> asked = 0;
  std::atomic<int> answered = 0;
  std::jthread other([&] {
    for (int round = 1; round <= kRounds; ++round) {
      asked = round;
      backend().wake();
      while (answered < round) std::this_thread::yield();
    }
  });
  for (int round = 1; round <= kRounds; ++round) {
    const auto begin = std::chrono::steady_clock::now();
    while (asked < round) {
      turn(2s);
      ASSERT_LT(std::chrono::steady_clock::now() - begin, 2s) << "a wake-up was lost in round " << round;
    }
    answered = round;
  }
}

TEST_P(SeamWaiting, what_has_ended_by_itself_does_not_wait) {
  Link link = this->link();
  auto& receiver = make<Receiver>();
  start(receiver, link.channel);
  turns(2);
  cancel(receiver);
  EXPECT_LT(duration_of_wait(3s), 2s);
  backend().tell_done();
  EXPECT_TRUE(receiver.ended());
}

TEST_P(SeamWaiting, what_was_left_over_by_a_dispatch_does_not_wait) {
  std::vector<Link> links;
  std::vector<Receiver*> receivers;
  for (int index = 0; index < 30; ++index) {
    links.push_back(link());
    receivers.push_back(&make<Receiver>());
    start(*receivers.back(), links.back().channel);
  }
  turn();
  for (Link& link : links) link.peer.send(pattern(100));
  const auto begin = std::chrono::steady_clock::now();
  for (const Receiver* receiver : receivers) {
    while (receiver->bytes.size() < 100) turn(1s);
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 1s);
}

INSTANTIATE_TEST_SUITE_P(Seam, SeamWaiting, ::testing::ValuesIn(grounds()), name_of);

}  // namespace
}  // namespace tidegate::kernel::testing
