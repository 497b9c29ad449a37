// One case of many: its name, whether it is wished for, and that it ends. Knows no faults.
#pragma once

#include <string>

namespace tidegate::faults {

/// Names the case that runs while this lives, and ends the process where it never does: a case that hangs or
/// dies says which one it is, and how to play it alone.
class RunningCase {
 public:
  explicit RunningCase(const std::string& name);
  RunningCase(const RunningCase&) = delete;
  RunningCase& operator=(const RunningCase&) = delete;
  ~RunningCase();

  /// The command that plays the case alone.
  [[nodiscard]] static std::string replay(const std::string& name);
  /// False where TIDEGATE_FAULT names another one.
  [[nodiscard]] static bool is_wanted(const std::string& name);
  /// False for occurrences that TIDEGATE_FAULTS_EVERY=k leaves out: of those after the sixteenth, only every
  /// k-th is played.
  [[nodiscard]] static bool is_played(unsigned occurrence);
};

}  // namespace tidegate::faults
