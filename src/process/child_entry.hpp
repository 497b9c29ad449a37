// What a child does between its making and its program. Knows nothing of how it is made.
#pragma once

#include <array>
#include <cstddef>

#include <sys/types.h>

namespace tidegate::process {

/// What a child was about to do when it failed.
enum class SpawnStep : int {
  standard_descriptors,
  pass_fds,
  cwd,
  new_session,
  process_group,
  groups,
  group,
  user,
  execute
};

/// How a child tells of its failure: in memory that it shares with its parent.
struct SpawnFailure {
  int error = 0;  // none: it runs its program
  SpawnStep step = SpawnStep::execute;
};

/// What a child has to do, laid out so that it needs no memory and no locks for it.
struct ChildOrders {
  const char* const* programs = nullptr;  // tried in order; null at the end, as in the next two
  char* const* arguments = nullptr;
  char* const* environment = nullptr;
  const char* directory = nullptr;          // null: stays where it is
  std::array<int, 3> standard{-1, -1, -1};  // what becomes 0, 1 and 2; -1: stays
  const int* passed = nullptr;              // stays open: ascending, each once
  std::size_t passed_count = 0;
  bool close_others = true;
  bool new_session = false;
  bool sets_process_group = false;
  pid_t process_group = 0;
  bool sets_umask = false;
  mode_t umask = 0;
  bool sets_groups = false;
  const gid_t* groups = nullptr;
  std::size_t group_count = 0;
  bool sets_group = false;
  gid_t group = 0;
  bool sets_user = false;
  uid_t user = 0;
  SpawnFailure* failure = nullptr;
};

/// The child, from its first instruction on: `orders` is a ChildOrders. Ends in the program, or with the
/// failure told. Makes system calls only, and none through a wrapper that keeps state: it may share all
/// memory with its parent, other threads of which may hold any lock.
///
/// REQUIRES: every signal is blocked, so that no handler of the parent's runs in here.
int run_child(void* orders) noexcept;

}  // namespace tidegate::process
