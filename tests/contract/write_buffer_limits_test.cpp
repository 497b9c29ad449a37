// The two marks: F2, F3 and F5.
#include "contract/contract_test.hpp"

#include <limits>
#include <optional>
#include <stdexcept>
#include <string>

namespace tidegate::contract {
namespace {

constexpr std::size_t kLargest = std::numeric_limits<std::size_t>::max();

class WriteBufferMarks : public ContractTest {
 protected:
  [[nodiscard]] WriteBufferLimits limits() { return here().transport().get_write_buffer_limits(); }
};

TEST_P(WriteBufferMarks, F2_defaults_are_64_KiB_and_a_quarter_of_it) {
  connect_pair();
  EXPECT_EQ(limits(), (WriteBufferLimits{.low = 16384, .high = 65536}));
  EXPECT_EQ(there().transport().get_write_buffer_limits(), (WriteBufferLimits{.low = 16384, .high = 65536}));
  here().set_limits({.high = 1, .low = 1});
  here().set_limits({});
  EXPECT_EQ(limits(), (WriteBufferLimits{.low = 16384, .high = 65536}))
      << "neither given: the defaults again";
}

TEST_P(WriteBufferMarks, F2_what_is_not_given_follows_from_what_is) {
  connect_raw();
  here().set_limits({.low = 100});
  EXPECT_EQ(limits(), (WriteBufferLimits{.low = 100, .high = 400}));
  here().set_limits({.high = 1003});
  EXPECT_EQ(limits(), (WriteBufferLimits{.low = 250, .high = 1003}));
  here().set_limits({.high = 3});
  EXPECT_EQ(limits(), (WriteBufferLimits{.low = 0, .high = 3}));
  here().set_limits({.high = 0});
  EXPECT_EQ(limits(), (WriteBufferLimits{.low = 0, .high = 0}));
  here().set_limits({.low = 0});
  EXPECT_EQ(limits(), (WriteBufferLimits{.low = 0, .high = 0}));
  here().set_limits({.high = kLargest});
  EXPECT_EQ(limits(), (WriteBufferLimits{.low = kLargest / 4, .high = kLargest}));
}

TEST_P(WriteBufferMarks, F3_a_low_mark_over_the_high_one_is_an_argument_error_and_changes_nothing) {
  connect_raw();
  here().set_limits({.high = 1000, .low = 500});
  EXPECT_EQ(thrown_text<std::invalid_argument>([&] { here().set_limits({.high = 10, .low = 11}); }),
            "high (10) must be >= low (11) must be >= 0");
  EXPECT_EQ(thrown_text<std::invalid_argument>([&] { here().set_limits({.high = 0, .low = 1}); }),
            "high (0) must be >= low (1) must be >= 0");
  EXPECT_EQ(limits(), (WriteBufferLimits{.low = 500, .high = 1000}));
  here().set_limits({.high = 10, .low = 10});
  EXPECT_EQ(limits(), (WriteBufferLimits{.low = 10, .high = 10}));
}

TEST_P(WriteBufferMarks, F3_a_refused_change_pauses_nobody) {
  connect_raw();
  fill_kernel();
  EXPECT_THROW(here().set_limits({.high = 10, .low = 11}), std::invalid_argument);
  EXPECT_EQ(here().pause_count, 0);
}

TEST_P(WriteBufferMarks, F5_marks_below_the_present_size_pause_at_once) {
  connect_raw();
  fill_kernel();
  const std::size_t size = here().buffered();
  here().set_limits({.high = size});
  EXPECT_EQ(here().pause_count, 0) << "the size is at the mark, not over it";
  here().set_limits({.high = size - 1});
  EXPECT_EQ(here().pause_count, 1);
  here().set_limits({.high = 10});
  EXPECT_EQ(here().pause_count, 1);
}

TEST_P(WriteBufferMarks, F5_raising_the_marks_does_not_resume_before_the_next_drain) {
  connect_raw();
  fill_kernel();
  here().set_limits({.high = 0});
  here().set_limits({.high = std::size_t{1} << 40U});
  EXPECT_EQ(here().resume_count, 0) << "resumed inside the call";
  rig().run_until_quiet();
  EXPECT_EQ(here().resume_count, 0) << "resumed without a drain";
  rig().run_until([&] {
    peer().receive(50'000);
    return here().resume_count == 1;
  });
  EXPECT_GT(here().buffered(), 0U) << "the new low mark is far over what was buffered";
}

TEST_P(WriteBufferMarks, F5_the_size_is_what_the_kernel_has_not_taken) {
  connect_raw();
  EXPECT_EQ(here().buffered(), 0U);
  here().write("taken");
  rig().run_rounds(2);
  EXPECT_EQ(here().buffered(), 0U);
  fill_kernel();
  const std::size_t full = here().buffered();
  here().write("12345");
  EXPECT_EQ(here().buffered(), full + 5);
  here().write(Chunk(std::string(100, 'x')));
  EXPECT_EQ(here().buffered(), full + 105);
  const BytesView pieces[] = {"123", "", "45"};
  here().writelines(pieces);
  EXPECT_EQ(here().buffered(), full + 110);
}

TEST_P(WriteBufferMarks, F5_marks_can_be_set_inside_pause_writing_and_resume_writing) {
  connect_raw();
  fill_kernel();
  here().on.pause_writing = [&] { here().set_limits({.high = 10}); };
  here().on.resume_writing = [&] { here().set_limits({.high = 0}); };
  here().set_limits({.high = 0});
  EXPECT_EQ(here().pause_count, 1);
  EXPECT_EQ(limits().high, 10U);
  rig().run_until([&] {
    peer().receive();
    return here().buffered() == 0;
  });
  rig().run_until([&] { return here().resume_count > 0; });
  EXPECT_EQ(limits().high, 0U);
}

TEST_P(WriteBufferMarks, F5_marks_can_be_set_inside_connection_made) {
  connect_raw([&] { here().on.connection_made = [&] { here().set_limits({.high = 123, .low = 45}); }; });
  EXPECT_EQ(limits(), (WriteBufferLimits{.low = 45, .high = 123}));
}

TEST_P(WriteBufferMarks, F5_nobody_is_paused_after_the_loss) {
  connect_raw();
  fill_kernel();
  here().abort();
  here().set_limits({.high = 0});
  EXPECT_EQ(here().pause_count, 0);
  run_until_lost();
}

INSTANTIATE_TEST_SUITE_P(Streams, WriteBufferMarks, ::testing::ValuesIn(each_carrier()), name_of);

}  // namespace
}  // namespace tidegate::contract
