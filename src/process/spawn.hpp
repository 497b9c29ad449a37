// Starting a program in a child process. Knows no loop and no pipes.
#pragma once

#include <tidegate/descriptor.hpp>

#include "process/child.hpp"

#include <array>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace tidegate::process {

/// What a child is to be (contract S2).
struct SpawnPlan {
  /// Searched for in PATH (the child's) where it names no folder.
  std::string program;
  /// All of them, the program's name for itself first.
  std::vector<std::string> arguments;
  /// Lines NAME=VALUE; none: ours.
  std::optional<std::vector<std::string>> environment;
  /// Empty: ours.
  std::string directory;
  /// What becomes 0, 1 and 2; an invalid one: ours is inherited.
  std::array<FileDescriptor, 3> standard;
  /// Stay open beside those, under their numbers.
  std::vector<FileDescriptor> passed;
  /// False: whatever is not close-on-exec stays open as well.
  bool close_others = true;
  bool new_session = false;
  std::optional<pid_t> process_group;
  std::optional<mode_t> umask;
  std::optional<std::vector<gid_t>> groups;
  std::optional<gid_t> group;
  std::optional<uid_t> user;
};

/// Starts it, and returns when its program has begun. Throws OsError with what failed and the name of the
/// step (S5), std::invalid_argument for a text with a NUL in it; no process is left then.
///
/// The child borrows our memory until then, so that it costs the same however much that is; but not where it
/// becomes another user, who could look into ours meanwhile.
///
/// Environment: TIDEGATE_PIDFD=0 does without a descriptor of the process, as on a kernel before Linux 5.4.
[[nodiscard]] Child spawn(const SpawnPlan& plan);

}  // namespace tidegate::process
