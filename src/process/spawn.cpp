// Starting a program in a child process, the parent's part: see spawn.hpp.
#include "process/spawn.hpp"

#include <tidegate/error.hpp>

#include "base/signals_blocked.hpp"
#include "process/child_entry.hpp"
#include "process/program_search.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <new>
#include <stdexcept>
#include <string_view>

#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __SANITIZE_THREAD__
/// The C library's own name for clone, which the thread sanitizer does not know. It would take a clone for a
/// fork, and the child, whose memory is ours, would have it stop looking at this thread.
extern "C" int __clone(int (*function)(void*), void* stack, int flags, void* argument, ...) noexcept;
#define TIDEGATE_CLONE ::__clone
#else
#define TIDEGATE_CLONE ::clone
#endif

namespace tidegate::process {

namespace {

constexpr int kReturnsProcessDescriptor = 0x1000;  // CLONE_PIDFD, which not every C library names

std::error_code last_error() noexcept { return {errno, std::system_category()}; }

// --- what the child is told ----------------------------------------------------------------------

void check_text(const std::string& text, const char* what) {
  if (text.find('\0') != std::string::npos)
    throw std::invalid_argument(std::string("embedded null byte in ") + what + " of a subprocess");
}

void check_texts(const SpawnPlan& plan) {
  check_text(plan.program, "the program");
  check_text(plan.directory, "the cwd");
  for (const std::string& argument : plan.arguments) check_text(argument, "an argument");
  if (!plan.environment) return;
  for (const std::string& line : *plan.environment) check_text(line, "the environment");
}

/// Texts as exec wants them. Lifetime: the texts stay.
std::vector<char*> pointers_to(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (const std::string& text : texts)
    pointers.push_back(const_cast<char*>(text.c_str()));  // exec only reads
  pointers.push_back(nullptr);
  return pointers;
}

/// The orders, and what they point to.
struct PreparedOrders {
  explicit PreparedOrders(const SpawnPlan& plan)
      : places(places_of(plan.program,
                         plan.environment ? search_path_of(*plan.environment) : own_search_path())),
        programs(pointers_to(places)),
        arguments(pointers_to(plan.arguments)) {
    if (plan.environment) environment = pointers_to(*plan.environment);
    for (const FileDescriptor descriptor : plan.passed) passed.push_back(descriptor.number);
    std::sort(passed.begin(), passed.end());
    passed.erase(std::unique(passed.begin(), passed.end()), passed.end());

    orders.programs = programs.data();
    orders.arguments = arguments.data();
    orders.environment = plan.environment ? environment.data() : ::environ;
    orders.directory = plan.directory.empty() ? nullptr : plan.directory.c_str();
    for (std::size_t target = 0; target < plan.standard.size(); ++target)
      orders.standard[target] = plan.standard[target].number;
    orders.passed = passed.data();
    orders.passed_count = passed.size();
    orders.close_others = plan.close_others;
    orders.new_session = plan.new_session;
    orders.sets_process_group = plan.process_group.has_value();
    orders.process_group = plan.process_group.value_or(0);
    orders.sets_umask = plan.umask.has_value();
    orders.umask = plan.umask.value_or(0);
    orders.sets_groups = plan.groups.has_value();
    if (plan.groups) {
      orders.groups = plan.groups->data();
      orders.group_count = plan.groups->size();
    }
    orders.sets_group = plan.group.has_value();
    orders.group = plan.group.value_or(0);
    orders.sets_user = plan.user.has_value();
    orders.user = plan.user.value_or(0);
  }
  PreparedOrders(const PreparedOrders&) = delete;
  PreparedOrders& operator=(const PreparedOrders&) = delete;

  [[nodiscard]] bool change_identity() const noexcept {
    return orders.sets_groups || orders.sets_group || orders.sets_user;
  }

  std::vector<std::string> places;
  std::vector<char*> programs;
  std::vector<char*> arguments;
  std::vector<char*> environment;
  std::vector<int> passed;
  ChildOrders orders;
};

// --- making it -----------------------------------------------------------------------------------

/// The child's stack, at its bottom the place for its failure: shared with the child also where it has memory
/// of its own.
class ChildStack {
 public:
  ChildStack() : memory_(::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) {
    if (memory_ == MAP_FAILED) throw OsError(last_error(), "memory for the start of a subprocess");
    failure_ = new (memory_) SpawnFailure;
  }
  ChildStack(const ChildStack&) = delete;
  ChildStack& operator=(const ChildStack&) = delete;
  ~ChildStack() { ::munmap(memory_, kBytes); }

  [[nodiscard]] void* top() const noexcept { return static_cast<std::byte*>(memory_) + kBytes; }
  [[nodiscard]] SpawnFailure& failure() const noexcept { return *failure_; }

 private:
  static constexpr std::size_t kBytes = 64 * 1024;  // touched: one or two pages
  void* memory_;
  SpawnFailure* failure_;
};

/// Whether a child can be waited for by a descriptor of it (Linux 5.4, and no sandbox against it): the
/// question alone tells, for it is an error in any case.
bool has_process_descriptors() noexcept {
  static const bool known = [] {
    siginfo_t info{};
    const auto by_handle = static_cast<idtype_t>(3);  // P_PIDFD
    // EBADF: the kernel has looked for the descriptor.
    return ::waitid(by_handle, ~id_t{0} >> 1U, &info, WEXITED | WNOHANG) != 0 && errno == EBADF;
  }();
  const char* wish = std::getenv("TIDEGATE_PIDFD");
  return known && (wish == nullptr || std::string_view(wish) != "0");
}

/// Returns when the child has begun its program or has failed to. Throws OsError where there is no child.
Child make_child(PreparedOrders& prepared, const ChildStack& stack) {
  int flags = CLONE_VFORK | SIGCHLD;
  if (!prepared.change_identity()) flags |= CLONE_VM;
  if (has_process_descriptors()) flags |= kReturnsProcessDescriptor;
  int handle = -1;
  pid_t pid = -1;
  int error = 0;
  {
    const base::SignalsBlocked blocked;  // no handler of ours may run in the child
    pid = TIDEGATE_CLONE(&run_child, stack.top(), flags, &prepared.orders, &handle);
    error = errno;
  }
  if (pid < 0) throw OsError(std::error_code(error, std::system_category()), "make a process");
  return {pid, OwnedFileDescriptor(FileDescriptor{handle})};
}

std::string attempted(const SpawnPlan& plan, SpawnStep step) {
  const std::string start = "start " + plan.program;
  switch (step) {
    case SpawnStep::standard_descriptors:
      return start + ": stdin, stdout and stderr";
    case SpawnStep::pass_fds:
      return start + ": pass_fds";
    case SpawnStep::cwd:
      return start + ": cwd " + plan.directory;
    case SpawnStep::new_session:
      return start + ": start_new_session";
    case SpawnStep::process_group:
      return start + ": process_group";
    case SpawnStep::groups:
      return start + ": extra_groups";
    case SpawnStep::group:
      return start + ": group";
    case SpawnStep::user:
      return start + ": user";
    case SpawnStep::execute:
      break;
  }
  return start;
}

}  // namespace

Child spawn(const SpawnPlan& plan) {
  check_texts(plan);
  PreparedOrders prepared(plan);
  const ChildStack stack;
  prepared.orders.failure = &stack.failure();
  Child child = make_child(prepared, stack);
  const SpawnFailure failure = stack.failure();
  if (failure.error != 0) {
    child.wait();  // it has ended, or is about to
    throw OsError(std::error_code(failure.error, std::system_category()), attempted(plan, failure.step));
  }
  return child;
}

}  // namespace tidegate::process
