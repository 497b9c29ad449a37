// When a protocol is told to stop writing and to go on: F1, F4 and F7 on real connections. The marks
// themselves (F2, F3, F5) are in write_buffer_limits_test.cpp, the memory they bound (F6) in
// bounded_memory_test.cpp. That pause_writing and resume_writing alternate, and come on their side of the
// marks, is checked by the trace in every test.
#include "contract/contract_test.hpp"

#include <chrono>
#include <string>

#include <sys/socket.h>

namespace tidegate::contract {
namespace {

class StreamFlowControl : public ContractTest {
 protected:
  void drain_until_resumed() {
    rig().run_until(
        [&] {
          peer().receive();
          return !here().writing_paused;
        },
        "resume_writing");
  }
};

TEST_P(StreamFlowControl, F1_pauses_inside_the_write_that_goes_strictly_over_the_high_mark) {
  connect_raw();
  fill_kernel();
  const std::size_t high = here().buffered() + 10;
  here().set_limits({.high = high});
  here().write("123456789");
  EXPECT_EQ(here().pause_count, 0);
  here().write("0");
  EXPECT_EQ(here().buffered(), high);
  EXPECT_EQ(here().pause_count, 0) << "paused at the mark, not over it";
  here().write("!");
  EXPECT_EQ(here().buffered(), high + 1);
  EXPECT_EQ(here().pause_count, 1) << "not paused when write returned";
}

TEST_P(StreamFlowControl, F1_one_large_write_pauses_inside_that_write) {
  connect_raw();
  fill_kernel();
  here().set_limits({.high = here().buffered() + 10});
  here().write(Chunk(std::string(100'000, 'x')));
  EXPECT_EQ(here().pause_count, 1);
}

TEST_P(StreamFlowControl, F1_further_writes_over_the_mark_do_not_pause_again) {
  connect_raw();
  fill_kernel();
  here().set_limits({.high = here().buffered()});
  for (int times = 0; times < 10; ++times) here().write("x");
  rig().in_loop([&] {
    for (int times = 0; times < 10; ++times) here().write("x");
  });
  EXPECT_EQ(here().pause_count, 1);
}

TEST_P(StreamFlowControl, F1_resumes_once_when_it_has_drained_to_the_low_mark) {
  connect_raw();
  const std::size_t filled = fill_kernel();
  here().set_limits({.high = here().buffered() - 1, .low = 100'000});
  EXPECT_EQ(here().pause_count, 1);
  // From iteration to iteration: never paused at or under the low mark, never resumed over it.
  while (here().buffered() > 0) {
    peer().receive(5000);
    rig().run_rounds(1);
    EXPECT_EQ(here().writing_paused, here().buffered() > 100'000);
  }
  EXPECT_EQ(here().resume_count, 1);
  rig().run_until([&] { return peer().has(filled); });
  EXPECT_EQ(here().pause_count, 1);
}

TEST_P(StreamFlowControl, F1_resumes_when_it_has_drained_to_exactly_the_low_mark) {
  // What the kernel takes at a time is not ours to choose, but it does the same again.
  const auto drain_some = [&] {
    const std::size_t before = here().buffered();
    while (here().buffered() == before) {
      peer().receive(5000);
      rig().run_rounds(1);
    }
    return here().buffered();
  };
  connect_raw();
  fill_kernel();
  const std::size_t low = drain_some();
  connect_raw();
  fill_kernel();
  here().set_limits({.high = here().buffered() - 1, .low = low});
  ASSERT_EQ(here().pause_count, 1);
  if (drain_some() != low) GTEST_SKIP() << "the kernel took another amount";
  EXPECT_EQ(here().resume_count, 1);
}

TEST_P(StreamFlowControl, F1_pauses_and_resumes_alternate_over_many_crossings) {
  connect_raw();
  here().transport().socket().set_option(SOL_SOCKET, SO_SNDBUF, 100'000);
  here().set_limits({.high = 20'000, .low = 5'000});
  std::size_t written = 0;
  rig().run_until([&] {
    while (!here().writing_paused && written < 5'000'000) {
      here().write(pattern(10'000, written));
      written += 10'000;
    }
    peer().receive(60'000);
    return peer().received.size() == 5'000'000;
  });
  EXPECT_TRUE(is_pattern(peer().received));
  EXPECT_GT(here().pause_count, 3);
  rig().run_until([&] { return here().pause_count == here().resume_count; });
}

TEST_P(StreamFlowControl, F1_what_the_kernel_takes_pauses_nobody) {
  for (const bool inside_loop : {false, true}) {
    SCOPED_TRACE(inside_loop);
    connect_raw();
    here().set_limits({.high = 10});
    const auto write_often = [&] {
      for (int times = 0; times < 20; ++times) here().write(std::string(1000, 'x'));
      here().write(Chunk(std::string(1000, 'x')));
    };
    inside_loop ? rig().in_loop(write_often) : write_often();
    EXPECT_EQ(here().pause_count, 0);
    EXPECT_LE(here().buffered(), 10U);
    rig().run_until([&] { return peer().has(21'000); });
  }
}

TEST_P(StreamFlowControl, F1_writing_inside_pause_writing_does_not_pause_again) {
  connect_raw();
  const std::size_t filled = fill_kernel();
  here().on.pause_writing = [&] {
    here().write("written ");
    here().write(Chunk(std::string("inside")));
  };
  here().set_limits({.high = here().buffered()});
  here().write("outside ");
  EXPECT_EQ(here().pause_count, 1);
  rig().run_until([&] { return peer().has(filled + 22); });
  EXPECT_EQ(peer().received.substr(filled), "outside written inside");
}

TEST_P(StreamFlowControl, F1_writing_inside_resume_writing_pauses_again_where_it_goes_over) {
  connect_raw();
  std::size_t written = fill_kernel();
  here().set_limits({.high = 1000});
  here().on.resume_writing = [&] {
    if (written > 3'000'000) return;
    while (!here().writing_paused) {
      here().write(pattern(50'000, written));
      written += 50'000;
    }
  };
  rig().run_until([&] {
    peer().receive();
    return written > 3'000'000 && peer().received.size() == written;
  });
  EXPECT_TRUE(is_pattern(peer().received));
  EXPECT_GT(here().pause_count, 2);
}

TEST_P(StreamFlowControl, F1_both_ends_pause_and_resume_by_themselves) {
  connect_pair();
  const auto pump = [](TracedEnd& end, std::size_t& left) {
    while (left > 0 && !end.writing_paused) {
      const std::size_t size = std::min<std::size_t>(left, 30'000);
      end.write(std::string(size, 'p'));
      left -= size;
    }
  };
  std::size_t left_here = 5'000'000;
  std::size_t left_there = 5'000'000;
  here().on.resume_writing = [&] { pump(here(), left_here); };
  there().on.resume_writing = [&] { pump(there(), left_there); };
  rig().in_loop([&] { pump(here(), left_here), pump(there(), left_there); });
  rig().run_until([&] { return here().received_size == 5'000'000 && there().received_size == 5'000'000; });
}

TEST_P(StreamFlowControl,
       F4_high_zero_pauses_whenever_something_is_left_and_low_zero_resumes_when_nothing_is) {
  connect_raw();
  here().set_limits({.high = 0});
  EXPECT_EQ(here().transport().get_write_buffer_limits(), (WriteBufferLimits{.low = 0, .high = 0}));
  here().write("the kernel takes this");
  rig().in_loop([&] { here().write("and this"); });
  EXPECT_EQ(here().pause_count, 0);
  const std::size_t filled = fill_kernel();
  here().set_limits({.high = 0});
  EXPECT_EQ(here().pause_count, 1);
  while (here().buffered() > 0) {
    EXPECT_EQ(here().resume_count, 0);
    peer().receive(20'000);
    rig().run_rounds(1);
  }
  rig().run_until([&] { return here().resume_count == 1; });
  rig().run_until([&] { return peer().has(29 + filled); });
}

TEST_P(StreamFlowControl, F4_low_zero_with_a_high_mark_resumes_only_when_empty) {
  connect_raw();
  fill_kernel();
  here().set_limits({.high = 1000, .low = 0});
  EXPECT_EQ(here().pause_count, 1);
  std::size_t at_resume = 1;
  here().on.resume_writing = [&] { at_resume = here().buffered(); };
  drain_until_resumed();
  EXPECT_EQ(at_resume, 0U);
}

TEST_P(StreamFlowControl, F7_closing_while_paused_ends_after_flushing) {
  connect_raw();
  const std::size_t filled = fill_kernel();
  here().set_limits({.high = 0});
  here().close();
  rig().run_until([&] { return peer().at_end(); });
  EXPECT_EQ(peer().received.size(), filled);
  run_until_lost();
  EXPECT_FALSE(here().reason);
}

TEST_P(StreamFlowControl, F7_aborting_while_paused_resumes_nobody) {
  connect_raw();
  fill_kernel();
  here().set_limits({.high = 0});
  here().abort();
  run_until_lost();
  EXPECT_EQ(here().resume_count, 0);
}

TEST_P(StreamFlowControl, F7_closing_or_aborting_inside_pause_writing) {
  for (const bool aborts : {false, true}) {
    connect_raw();
    const std::size_t filled = fill_kernel();
    here().on.pause_writing = [&, aborts] { aborts ? here().abort() : here().close(); };
    here().set_limits({.high = here().buffered()});
    here().write("over");
    if (!aborts) {
      rig().run_until([&] { return peer().at_end(); });
      EXPECT_EQ(peer().received.size(), filled + 4);
    }
    run_until_lost();
    EXPECT_FALSE(here().reason);
  }
}

TEST_P(StreamFlowControl, F7_the_size_of_a_buffer_of_many_pieces_costs_nothing_to_ask_for) {
  connect_raw();
  const std::size_t filled = fill_kernel();
  constexpr int kPieces = 20'000;
  here().set_limits({.high = std::size_t{1} << 40U});
  for (int count = 0; count < kPieces; ++count) here().transport().write(Chunk(std::string(600, 'x')));
  const auto started = std::chrono::steady_clock::now();
  std::size_t sum = 0;
  for (int times = 0; times < kPieces; ++times) sum += here().buffered();
  // Walking the pieces would take 400 million steps.
  EXPECT_LT(std::chrono::steady_clock::now() - started, std::chrono::milliseconds(500));
  EXPECT_GE(sum, std::size_t{kPieces} * kPieces * 600);
  static_cast<void>(filled);
}

INSTANTIATE_TEST_SUITE_P(Streams, StreamFlowControl, ::testing::ValuesIn(each_carrier()), name_of);

}  // namespace
}  // namespace tidegate::contract
