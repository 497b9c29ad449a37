// Every call of every operation fails with everything that the manual pages say, at each of its first
// occurrences in a flow: the right one is told the right error, and the loop lives on.
#include "contract/loop_rig.hpp"
#include "faults/cases.hpp"
#include "faults/flows.hpp"
#include "faults/injector.hpp"
#include "faults/judge.hpp"
#include "faults/stage.hpp"
#include "kernel/file_calls.hpp"

#include <algorithm>
#include <string>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

namespace tidegate::faults {
namespace {

/// One answer of the kernel's.
struct Fault {
  const FaultRow& row;
  int error;
  unsigned occurrence;
};

class CallFaults : public ::testing::TestWithParam<std::tuple<Operation, const Injector*>> {
 protected:
  /// So many occurrences in a flow are tried; later ones meet nothing that these have not.
  static constexpr unsigned kMostOccurrences = 12;
  /// A test that has failed so often has said enough.
  static constexpr unsigned kMostFailures = 12;

  void SetUp() override {
    if (const std::string obstacle = injector().obstacle(); !obstacle.empty()) GTEST_SKIP() << obstacle;
    static_cast<void>(file_to_send());  // opened before anything is counted
    // Once for a process it is tried on a pipe what the kernel's writes can do, and a failure is an answer.
    static_cast<void>(kernel::write_now(FileDescriptor{}, {}));
  }

  [[nodiscard]] static Operation operation() { return std::get<0>(GetParam()); }
  [[nodiscard]] static const Injector& injector() { return *std::get<1>(GetParam()); }

  /// Plays every row of the table that concerns this test. Each has to be reached in one flow at least.
  void play_all() {
    for (const FaultRow& row : fault_table()) {
      if (row.operation != operation() || !injector().concerns(row)) continue;
      for (const int error : row.errors) {
        bool reached = false;
        for (const NamedFlow& flow : flows_of(operation())) reached = play(flow, row, error) || reached;
        EXPECT_TRUE(reached || is_single_case()) << name_of(row.call) << ": no flow makes this call";
        if (failures_ >= kMostFailures) return;
      }
    }
    RecordProperty("cases", static_cast<int>(cases_));
  }

 private:
  [[nodiscard]] static bool is_single_case() { return !RunningCase::is_wanted("all"); }

  /// One answer at each of its occurrences in a flow. False where there is none.
  bool play(const NamedFlow& flow, const FaultRow& row, int error) {
    for (unsigned occurrence = 1; occurrence <= kMostOccurrences; ++occurrence) {
      const std::string name = std::string(flow.name) + ":" + name_of(row.call) + ":" + name_of_error(error) +
                               ":" + std::to_string(occurrence);
      if (!RunningCase::is_wanted(name)) continue;
      SCOPED_TRACE(RunningCase::replay(name));
      const RunningCase running(name);
      const std::string complaint = complaint_about_case(flow, {row, error, occurrence});
      EXPECT_EQ(complaint, "");
      ++cases_;
      if (!complaint.empty() && ++failures_ >= kMostFailures) return true;
      if (!reached_) return occurrence > 1;
    }
    return true;
  }

  std::string complaint_about_case(const NamedFlow& flow, const Fault& fault) {
    const auto before = loop_rig::open_descriptors();
    std::string complaint = play_case(flow, fault);
    if (loop_rig::open_descriptors() != before) complaint += " A descriptor was left open.";
    return complaint;
  }

  std::string play_case(const NamedFlow& flow, const Fault& fault) {
    const auto strike = [&fault] { Injector::arm(fault.row, fault.error, fault.occurrence); };
    if (fault.row.operation == Operation::make_loop) return play_from_the_loop_on(flow, fault, strike);
    Stage stage(injector().backend(), strike);
    stage.play(flow.flow);
    return verdict_on(stage, fault);
  }

  /// The making of the loop is what may fail.
  std::string play_from_the_loop_on(const NamedFlow& flow, const Fault& fault,
                                    const std::function<void()>& strike) {
    strike();
    Observed without_loop;
    try {
      Stage stage(injector().backend(), [] {});
      disarm();
      stage.play(flow.flow);
      const bool fell_back = stage.loop().backend_name() != injector().name();
      const bool has_to = has_struck() && fault.row.outcome == Outcome::falls_back;
      if (fell_back != has_to) return "the loop stands on " + std::string(stage.loop().backend_name());
      return verdict_on(stage, fault);
    } catch (const OsError&) {
      without_loop.thrown = std::current_exception();
    }
    disarm();
    reached_ = true;
    return complaint_about(without_loop, fault.row.outcome, fault.error);
  }

  /// Also where the fault was not reached: everything is as ever then.
  std::string verdict_on(Stage& stage, const Fault& fault) {
    reached_ = has_struck();
    const Outcome outcome = reached_ ? fault.row.outcome : Outcome::unnoticed;
    std::string complaint = complaint_about(stage.observed(), outcome, fault.error);
    if (const std::string signs = stage.signs_of_death(); !signs.empty())
      complaint += " The loop is dead: " + signs;
    return complaint;
  }

  bool reached_ = false;
  unsigned cases_ = 0;
  unsigned failures_ = 0;
};

TEST_P(CallFaults, are_told_to_the_right_one_and_the_loop_lives_on) { play_all(); }

TEST(FaultTable, has_a_row_for_every_call) {
  for (int number = 0; number < static_cast<int>(Call::allocation); ++number) {
    const auto call = static_cast<Call>(number);
    const auto is_about_it = [call](const FaultRow& row) { return row.call == call; };
    EXPECT_TRUE(std::any_of(fault_table().begin(), fault_table().end(), is_about_it)) << name_of(call);
  }
}

/// An operation on a backend.
using Pair = std::tuple<Operation, const Injector*>;

constexpr Operation kOperations[]{
    Operation::receive,        Operation::send,          Operation::send_file,
    Operation::accept,         Operation::connect,       Operation::receive_datagrams,
    Operation::send_datagrams, Operation::read_pipe,     Operation::write_pipe,
    Operation::watch,          Operation::wait,          Operation::make_loop,
    Operation::make_server,    Operation::make_endpoint, Operation::make_pipe,
    Operation::start_process,
};

/// Those in which something can fail.
std::vector<Pair> pairs() {
  std::vector<Pair> all;
  for (const Operation operation : kOperations) {
    for (const Injector* injector : injectors()) {
      if (injector->concerns(operation)) all.emplace_back(operation, injector);
    }
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Faults, CallFaults, ::testing::ValuesIn(pairs()), [](const auto& parameter) {
  return std::string(name_of(std::get<0>(parameter.param))) + "_on_" + std::get<1>(parameter.param)->name();
});

}  // namespace
}  // namespace tidegate::faults
