// A loop that is closed over what is open has no memory for something: all of it goes nevertheless.
#include "contract/ground.hpp"
#include "contract/loop_rig.hpp"
#include "faults/cases.hpp"
#include "faults/flows.hpp"
#include "faults/injector.hpp"
#include "faults/live_memory.hpp"
#include "faults/stage.hpp"

#include <cerrno>
#include <string>

#include <gtest/gtest.h>

namespace tidegate::faults {
namespace {

class ClosingFaults : public ::testing::TestWithParam<BackendKind> {
 protected:
  /// One case. False where the end of the loop needs fewer allocations.
  static bool play(unsigned occurrence) {
    const auto descriptors_before = loop_rig::open_descriptors();
    const std::ptrdiff_t blocks_before = live_blocks();
    {
      Stage stage(GetParam(), [] {});
      stage.play(leave_open);
      EXPECT_EQ(stage.observed().thrown, nullptr) << stage.observed().text();
      arm(Call::allocation, ENOMEM, occurrence);
      stage.end();
      disarm();
      // Both transports, and the task.
      EXPECT_EQ(stage.observed().reported.size(), 3U) << stage.observed().text();
    }
    EXPECT_LE(live_blocks(), blocks_before);
    EXPECT_EQ(loop_rig::open_descriptors(), descriptors_before);
    return has_struck();
  }
};

TEST_P(ClosingFaults, keep_nothing_of_what_is_open_L10) {
  if (const std::string obstacle = contract::obstacle_to(GetParam()); !obstacle.empty())
    GTEST_SKIP() << obstacle;
  {
    Stage warming_up(GetParam(), [] {});
    warming_up.play(leave_open);
  }
  bool reached = true;
  for (unsigned occurrence = 1; reached && !HasFailure(); ++occurrence) {
    const std::string name = "leave_open:allocation:" + std::to_string(occurrence);
    SCOPED_TRACE(RunningCase::replay(name));
    const RunningCase running(name);
    reached = play(occurrence);
  }
}

INSTANTIATE_TEST_SUITE_P(Faults, ClosingFaults, ::testing::ValuesIn(backends()),
                         [](const auto& parameter) { return "on_" + contract::to_string(parameter.param); });

}  // namespace
}  // namespace tidegate::faults
