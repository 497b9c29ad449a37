// Every allocation fails once: over each of the typical flows, on each backend.
//
// Those of the simulated kernel fail as well, and not only those of the library on it. They stand for a
// kernel that has no memory, which says so, by ENOMEM or ENOBUFS, to the call that needed it: what the table
// has rows for is met here where it comes about.
#include "contract/ground.hpp"
#include "contract/loop_rig.hpp"
#include "faults/cases.hpp"
#include "faults/flows.hpp"
#include "faults/injector.hpp"
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

  /// Lets each allocation of the flow fail, one after the other, until it needs no more.
  void play_all() {
    for (unsigned occurrence = 1; reached_ && failures_ < kMostFailures; ++occurrence) {
      const std::string name = std::string(flow().name) + ":allocation:" + std::to_string(occurrence);
      if (!RunningCase::is_played(occurrence)) continue;
      if (!RunningCase::is_wanted(name)) {
        if (occurrence == kMoreThanAnyFlowNeeds) return;
        continue;
      }
      SCOPED_TRACE(RunningCase::replay(name));
      const RunningCase running(name);
      const std::string complaint = complaint_about_case(occurrence);
      EXPECT_EQ(complaint, "");
      if (!complaint.empty()) ++failures_;
      ++cases_;
    }
    RecordProperty("cases", static_cast<int>(cases_));
  }

  /// Has everything in the caches of the process that a flow may leave there.
  static void warm_up() {
    fill_caches_of_calls();
    for (int round = 0; round < 2; ++round) {
      Stage stage(backend(), [] {});
      stage.play(flow().flow);
      ASSERT_EQ(stage.observed().thrown, nullptr) << stage.observed().text();
    }
  }

 private:
  /// A test that has failed so often has said enough.
  static constexpr unsigned kMostFailures = 12;
  static constexpr unsigned kMoreThanAnyFlowNeeds = 100'000;

  /// More calls and timers at once than a thread keeps.
  static void fill_caches_of_calls() {
    constexpr int kMoreThanAreKept = 1100;
    const Stage stage(backend(), [] {});
    for (int call = 0; call < kMoreThanAreKept; ++call) {
      static_cast<void>(stage.loop().call_soon([] {}));
      static_cast<void>(stage.loop().call_later(std::chrono::hours(1), [] {}));
    }
  }

  std::string complaint_about_case(unsigned occurrence) {
    const auto descriptors_before = loop_rig::open_descriptors();
    const std::ptrdiff_t blocks_before = live_blocks();
    std::string complaint = play(occurrence);
    if (const std::ptrdiff_t left = live_blocks() - blocks_before; left > 0 && complaint.empty())
      return std::to_string(left) + " blocks of memory were left behind";
    if (loop_rig::open_descriptors() != descriptors_before) complaint += " A descriptor was left open.";
    return complaint;
  }

  std::string play(unsigned occurrence) {
    Stage stage(backend(), [occurrence] { arm(Call::allocation, ENOMEM, occurrence); });
    stage.play(flow().flow);
    reached_ = has_struck();
    std::string complaint = complaint_about_memory(stage.observed());
    if (const std::string signs = stage.signs_of_death(); !signs.empty())
      complaint += " The loop is dead: " + signs;
    return complaint;
  }

  bool reached_ = true;
  unsigned cases_ = 0;
  unsigned failures_ = 0;
};

TEST_P(MemoryFaults, end_what_needed_the_memory_and_nothing_else) {
  if (const std::string obstacle = contract::obstacle_to(backend()); !obstacle.empty())
    GTEST_SKIP() << obstacle;
  if (const std::string reason = obstacle_to(flow(), backend()); !reason.empty()) GTEST_SKIP() << reason;
  warm_up();
  play_all();
}

INSTANTIATE_TEST_SUITE_P(Faults, MemoryFaults,
                         ::testing::Combine(::testing::ValuesIn(typical_flows().begin(),
                                                                typical_flows().end()),
                                            ::testing::ValuesIn(backends())),
                         [](const auto& parameter) {
                           return std::string(std::get<0>(parameter.param).name) + "_on_" +
                                  contract::to_string(std::get<1>(parameter.param));
                         });

}  // namespace
}  // namespace tidegate::faults
