// What reading and draining a stream may cost: nothing but itself, where nothing has to be waited for.
#include <tidegate/tidegate.hpp>

#include "budget/meters.hpp"
#include "contract/loop_rig.hpp"

#include <array>
#include <cstddef>
#include <string>

#include <gtest/gtest.h>

namespace tidegate {
namespace {

using budget::memory;

class BudgetOfStreams : public loop_rig::LoopTest {
 protected:
  struct Ends {
    StreamPair near;
    StreamPair far;
  };
  Ends connected() {
    auto [own, other] = Socket::pair();
    Ends ends;
    ends.near = run(open_connection(std::move(own)));
    ends.far = run(open_connection(std::move(other)));
    return ends;
  }
  /// Lets what was sent arrive.
  static Task<> arrival() {
    for (int turns = 0; turns < 20; ++turns) {
      auto turning = sleep(Duration::zero());
      co_await std::move(turning);
    }
  }
  void end(Ends& ends) {
    ends = {};
    turns(5);
  }
};

TEST_F(BudgetOfStreams, reads_of_what_has_arrived_allocate_nothing) {
  Ends ends = connected();
  std::size_t allocations = 1;
  const auto talk = [&]() -> Task<> {
    ends.far.writer.write(
        "12345678"
        "line\n"
        "until;"
        "some");
    co_await arrival();
    std::array<char, 4> memory_of_ours{};
    const std::array<BytesView, 2> separators = {";", "\r\n"};
    const std::size_t before = memory().allocations;
    const BytesView first = co_await ends.near.reader.readexactly_view(4);
    const bool is_first = first == "1234";
    co_await ends.near.reader.readexactly_into(memory_of_ours);
    const BytesView line = co_await ends.near.reader.readline_view();
    const bool is_line = line == "line\n";
    const BytesView until = co_await ends.near.reader.readuntil_view(separators);
    const bool is_until = until == "until;";
    const std::size_t count = co_await ends.near.reader.read_into(memory_of_ours);
    allocations = memory().allocations - before;
    EXPECT_TRUE(is_first && is_line && is_until);
    EXPECT_EQ(count, 4U);
    EXPECT_EQ(BytesView(memory_of_ours), "some");
  };
  run(talk());
  EXPECT_EQ(allocations, 0U);
  end(ends);
}

TEST_F(BudgetOfStreams, drains_that_have_nothing_to_wait_for_allocate_nothing) {
  Ends ends = connected();
  std::size_t allocations = 1;
  const auto talk = [&]() -> Task<> {
    co_await ends.near.writer.drain();  // the first one makes what all others are given
    const std::size_t before = memory().allocations;
    for (int round = 0; round < 10; ++round) co_await ends.near.writer.drain();
    allocations = memory().allocations - before;
  };
  run(talk());
  EXPECT_EQ(allocations, 0U);
  end(ends);
}

TEST_F(BudgetOfStreams, an_idle_stream_holds_no_buffer_also_after_much_has_gone_through) {
  Ends ends = connected();
  const auto talk = [&](std::size_t size_bytes) -> Task<> {
    const std::string sent(size_bytes, 'x');
    ends.far.writer.write(sent);
    std::string received(size_bytes, '-');
    co_await ends.near.reader.readexactly_into(received);
    EXPECT_TRUE(received == sent);
    const auto waiting = get_running_loop().create_task(ends.near.reader.read(1));
    co_await arrival();
    waiting.cancel();
    co_await arrival();
  };
  run(talk(10));
  const std::ptrdiff_t idle = memory().live_bytes;
  run(talk(1'000'000));
  EXPECT_LE(memory().live_bytes, idle + 256);
  end(ends);
}

}  // namespace
}  // namespace tidegate
