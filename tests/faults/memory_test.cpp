// Every allocation fails once: over each of the typical flows, on each backend.
#include "contract/ground.hpp"
#include "contract/loop_rig.hpp"
#include "faults/cases.hpp"
#include "faults/flows.hpp"
#include "faults/judge.hpp"
#include "faults/live_memory.hpp"
#include "faults/stage.hpp"

#include <cerrno>
#include <string>
#include <tuple>

#include <gtest/gtest.h>

namespace tidegate::faults {
namespace {

class MemoryFaults : public ::testing::TestWithParam<std::tuple<NamedFlow, BackendKind>> {
 protected:
  [[nodiscard]] static NamedFlow flow() { return std::get<0>(GetParam()); }
  [[nodiscard]] static BackendKind backend() { return std::get<1>(GetParam()); }

  /// One case. False where the flow needs fewer allocations.
  static bool play(unsigned occurrence) {
    const auto before = loop_rig::open_descriptors();
    bool reached = false;
    {
      Stage stage(backend(), [occurrence] { arm(Call::allocation, ENOMEM, occurrence); });
      stage.play(flow().flow);
      reached = has_struck();
      EXPECT_EQ(complaint_about_memory(stage.observed()), "");
      EXPECT_EQ(stage.signs_of_death(), "");
    }
    EXPECT_EQ(loop_rig::open_descriptors(), before) << "a descriptor was left open";
    return reached;
  }

  /// What the flow leaves in the process's caches, once.
  static void warm_up() {
    for (int round = 0; round < 2; ++round) {
      Stage stage(backend(), [] {});
      stage.play(flow().flow);
      ASSERT_EQ(stage.observed().thrown, nullptr) << stage.observed().text();
    }
  }
};

TEST_P(MemoryFaults, any_allocation_may_fail_once) {
  constexpr unsigned kMostFailures = 30;
  if (const std::string obstacle = contract::obstacle_to(backend()); !obstacle.empty())
    GTEST_SKIP() << obstacle;
  warm_up();
  unsigned failures = 0;
  unsigned cases = 0;
  for (unsigned occurrence = 1;; ++occurrence) {
    if (!RunningCase::is_played(occurrence)) continue;
    const std::string name = std::string(flow().name) + ":allocation:" + std::to_string(occurrence);
    if (!RunningCase::is_wanted(name)) {
      if (occurrence > 100'000) break;
      continue;
    }
    SCOPED_TRACE(RunningCase::replay(name));
    const RunningCase running(name);
    const int failures_before =
        ::testing::UnitTest::GetInstance()->current_test_info()->result()->total_part_count();
    const bool reached = play(occurrence);
    ++cases;
    if (::testing::UnitTest::GetInstance()->current_test_info()->result()->total_part_count() >
        failures_before)
      ++failures;
    if (!reached || failures == kMostFailures) break;
  }
  RecordProperty("cases", static_cast<int>(cases));
}

INSTANTIATE_TEST_SUITE_P(Faults, MemoryFaults,
                         ::testing::Combine(::testing::ValuesIn(typical_flows().begin(),
                                                                typical_flows().end()),
                                            ::testing::ValuesIn(contract::backends())),
                         [](const auto& parameter) {
                           return std::string(std::get<0>(parameter.param).name) + "_on_" +
                                  contract::to_string(std::get<1>(parameter.param));
                         });

}  // namespace
}  // namespace tidegate::faults
