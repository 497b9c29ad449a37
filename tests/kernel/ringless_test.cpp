// A loop that is run by a thread which gets no ring of its own: it waits, and loses nothing.
#include "kernel/moving.hpp"
#include "support/refused_calls.hpp"

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <string_view>
#include <vector>

#include <sys/syscall.h>

namespace tidegate::kernel::testing {
namespace {

using namespace std::chrono_literals;

class SeamRingless : public MovingTest {};

TEST_P(SeamRingless, a_thread_that_gets_no_ring_waits_and_loses_nothing) {
  if (is_simulated()) GTEST_SKIP() << "about a thing of the system";
  std::vector<Link> links;
  std::vector<Receiver*> receivers;
  auto& sender = make<Sender>();
  for (int index = 0; index < 5; ++index) {
    links.push_back(link());
    receivers.push_back(&make<Receiver>());
  }
  for (std::size_t index = 0; index < 3; ++index) start(*receivers[index], links[index].channel);
  turns(2);
  OtherThread sandboxed;
  sandboxed.run([&] {
    tidegate::testing::refuse_call(__NR_io_uring_setup, EPERM);
    // More than the queue of a small ring has room for.
    for (std::size_t index = 3; index < 5; ++index) start(*receivers[index], links[index].channel);
    const std::ptrdiff_t sent = send(sender, links[0].channel, "meanwhile");
    for (Link& link : links) link.peer.send("hello");
    if (is_epoll()) return;
    EXPECT_EQ(sent, Backend::kUnderWay);
    expect_no_spin();
    for (const Receiver* receiver : receivers) EXPECT_EQ(receiver->bytes, "");
    // It can be woken as ever.
    const auto begin = std::chrono::steady_clock::now();
    backend().wake();
    turn(2s);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 1s);
  });
  // Here there is one to be had.
  for (const Receiver* receiver : receivers) {
    run_until([&] { return receiver->bytes == "hello"; });
  }
  run_until_quiet();
  EXPECT_TRUE(sender.ended());
  const std::string_view text = sender.ends.empty() || sender.last_end() > 0 ? "meanwhile" : "";
  EXPECT_TRUE(links[0].peer.has(text.size()));
  EXPECT_EQ(links[0].peer.received, text) << "told as it was";
}

TEST_P(SeamRingless, a_loop_that_ends_without_a_ring_tells_what_was_cancelled) {
  Link link = this->link();
  auto& receiver = make<Receiver>();
  auto& sender = make<Sender>();
  start(receiver, link.channel);
  turns(2);
  OtherThread sandboxed;
  sandboxed.run([&] {
    tidegate::testing::refuse_call(__NR_io_uring_setup, EPERM);
    static_cast<void>(send(sender, link.channel, "never mind"));
    cancel(receiver);
    cancel(sender);
    const auto begin = std::chrono::steady_clock::now();
    backend().settle();
    EXPECT_TRUE(receiver.ended());
    EXPECT_TRUE(sender.ended());
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 1s);
  });
}

INSTANTIATE_TEST_SUITE_P(Seam, SeamRingless, ::testing::ValuesIn(grounds()), name_of);

}  // namespace
}  // namespace tidegate::kernel::testing
