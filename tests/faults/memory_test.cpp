// Every allocation fails once: over each of the typical flows, on each backend.
#include "contract/ground.hpp"
#include "contract/loop_rig.hpp"
#include "faults/cases.hpp"
#include "faults/flows.hpp"
#include "faults/live_memory.hpp"
#include "faults/stage.hpp"

#include <algorithm>
#include <cerrno>
#include <new>
#include <string>
#include <tuple>

#include <gtest/gtest.h>

namespace tidegate::faults {
namespace {

bool is_out_of_memory(const std::exception_ptr& exception) {
  if (exception == nullptr) return false;
  try {
    std::rethrow_exception(exception);
  } catch (const std::bad_alloc&) {
    return true;
  } catch (const std::system_error& error) {
    return error.code() == std::errc::not_enough_memory;
  } catch (const ExceptionGroup& group) {
    return std::any_of(group.exceptions().begin(), group.exceptions().end(), is_out_of_memory);
  } catch (...) {
    return false;  // something else
  }
}

/// Whether anybody was told that there was no memory.
bool was_told(const Observed& observed) {
  const auto is_told = [](const Error& error) { return is_out_of_memory(error.exception()); };
  return is_out_of_memory(observed.thrown) ||
         std::any_of(observed.lost.begin(), observed.lost.end(), is_told) ||
         std::any_of(observed.told.begin(), observed.told.end(), is_told) ||
         std::any_of(observed.reported.begin(), observed.reported.end(), is_out_of_memory) ||
         !observed.logged.empty();
}

bool has_timed_out(const Observed& observed) {
  if (observed.thrown == nullptr) return false;
  try {
    std::rethrow_exception(observed.thrown);
  } catch (const TimeoutError&) {
    return true;
  } catch (...) {
    return false;  // something else
  }
}

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
      const Observed observed = stage.observed();
      EXPECT_FALSE(has_timed_out(observed)) << "it hangs; " << observed.text();
      EXPECT_TRUE(observed.thrown == nullptr || was_told(observed))
          << "it failed, and nobody was told why: " << observed.text();
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
