// Loop::subprocess_exec and subprocess_shell: from options to a child with its pipes and its protocol.
#include <tidegate/loop.hpp>
#include <tidegate/sleep.hpp>

#include "net/socket_options.hpp"
#include "process/account.hpp"
#include "process/spawn.hpp"
#include "transport/child_transport.hpp"
#include "transport/owned_channel.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace tidegate {

namespace {

using transport::ChildPipes;
using transport::ChildTransport;
using transport::OwnedChannel;
using transport::OwnedPipe;

OsError last_error(const char* attempted) {
  return OsError(std::error_code(errno, std::system_category()), attempted);
}

/// What was asked for, with nothing that points to the caller's memory.
struct Order {
  process::SpawnPlan plan;
  std::array<Stdio, 3> standard;
};

/// Throws std::invalid_argument.
void check(const SubprocessOptions& options) {
  const auto check_one = [](Stdio stdio, const char* name, bool may_be_stdout) {
    if (stdio.kind() == Stdio::Kind::to_stdout && !may_be_stdout)
      throw std::invalid_argument(std::string("subprocess: ") + name +
                                  " can't be to_stdout(), only stderr can");
    if (stdio.kind() == Stdio::Kind::descriptor && !stdio.descriptor().valid())
      throw std::invalid_argument(std::string("subprocess: ") + name + " is an invalid descriptor");
  };
  check_one(options.standard_input, "stdin", false);
  check_one(options.standard_output, "stdout", false);
  check_one(options.standard_error, "stderr", true);
  for (const FileDescriptor passed : options.pass_fds) {
    if (!passed.valid()) throw std::invalid_argument("subprocess: pass_fds has an invalid descriptor");
  }
  if (options.environment) {
    for (const std::string& line : *options.environment) {
      if (line.find('=') == std::string::npos)
        throw std::invalid_argument("subprocess: the environment has \"" + line + "\", expected NAME=VALUE");
    }
  }
  constexpr unsigned kAllModeBits = 0777;
  if (options.umask && *options.umask > kAllModeBits)
    throw std::invalid_argument("subprocess: umask is " + std::to_string(*options.umask) +
                                ", expected 0 to 0777 (octal)");
}

std::shared_ptr<Order> order_of(std::string_view program, std::vector<std::string> arguments,
                                const SubprocessOptions& options) {
  check(options);
  auto order = std::make_shared<Order>(
      Order{{}, {options.standard_input, options.standard_output, options.standard_error}});
  process::SpawnPlan& plan = order->plan;
  plan.program = program;
  plan.arguments = std::move(arguments);
  plan.arguments.insert(plan.arguments.begin(), plan.program);
  if (options.environment) plan.environment.emplace(options.environment->begin(), options.environment->end());
  plan.directory = options.cwd;
  plan.passed.assign(options.pass_fds.begin(), options.pass_fds.end());
  plan.close_others = options.close_fds;
  plan.new_session = options.start_new_session;
  plan.process_group = options.process_group;
  plan.umask = options.umask;
  plan.user = process::user_number(options.user);
  plan.group = process::group_number(options.group);
  if (options.extra_groups) plan.groups.emplace(options.extra_groups->begin(), options.extra_groups->end());
  return order;
}

// --- the ends of the pipes -----------------------------------------------------------------------

/// Both sides of 0, 1 and 2 while the child is being made.
struct Ends {
  std::array<OwnedFileDescriptor, 3> ours;
  std::array<OwnedFileDescriptor, 3> theirs;  // those that are closed when the child has them
  OwnedFileDescriptor devnull;                // the same, for as many as want it
};

void open_pipe(Ends& ends, std::size_t fd) {
  std::array<int, 2> numbers{-1, -1};
  if (::pipe2(numbers.data(), O_CLOEXEC) != 0) throw last_error("a pipe to a subprocess");
  OwnedFileDescriptor reads(FileDescriptor{numbers[0]});
  OwnedFileDescriptor writes(FileDescriptor{numbers[1]});
  ends.theirs[fd] = std::move(fd == 0 ? reads : writes);
  ends.ours[fd] = std::move(fd == 0 ? writes : reads);
  net::set_nonblocking(ends.ours[fd].get());  // ours only: each end has a description of its own
}

FileDescriptor open_devnull(Ends& ends) {
  if (!ends.devnull.valid()) {
    const int number = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    if (number < 0) throw last_error("open /dev/null");
    ends.devnull = OwnedFileDescriptor(FileDescriptor{number});
  }
  return ends.devnull.get();
}

Ends open_ends(Order& order) {
  constexpr FileDescriptor kOwnStandardOutput{1};
  Ends ends;
  for (std::size_t fd = 0; fd < order.standard.size(); ++fd) {
    FileDescriptor& becomes = order.plan.standard[fd];
    switch (order.standard[fd].kind()) {
      case Stdio::Kind::unspecified:
      case Stdio::Kind::pipe:
        open_pipe(ends, fd);
        becomes = ends.theirs[fd].get();
        break;
      case Stdio::Kind::devnull:
        becomes = open_devnull(ends);
        break;
      case Stdio::Kind::descriptor:
        becomes = order.standard[fd].descriptor();
        break;
      case Stdio::Kind::to_stdout:
        becomes = order.plan.standard[1].valid() ? order.plan.standard[1] : kOwnStandardOutput;
        break;
      case Stdio::Kind::inherit:
        break;
    }
  }
  return ends;
}

ChildPipes attach_pipes(loop::LoopCore& core, std::array<OwnedFileDescriptor, 3>& ours) {
  ChildPipes pipes;
  for (std::size_t fd = 0; fd < pipes.size(); ++fd) {
    if (!ours[fd].valid()) continue;
    OwnedChannel channel(core, core.backend().attach_file(std::move(ours[fd])));
    pipes[fd] = OwnedPipe{.channel = std::move(channel), .loan = {}};
  }
  return pipes;
}

// --- the call ------------------------------------------------------------------------------------

Ref<ChildTransport> start(loop::LoopCore& core, Order& order, std::shared_ptr<SubprocessProtocol> protocol) {
  Ends ends = open_ends(order);  // the child's are closed here when it has them
  // Before there is a child, so that nothing but memory can fail once there is one.
  ChildPipes pipes = attach_pipes(core, ends.ours);
  return ChildTransport::make(core, process::spawn(order.plan), std::move(pipes), std::move(protocol));
}

/// Ends a child that nobody has heard of.
struct DropUnlessOpened {
  Ref<ChildTransport> transport;
  bool opened = false;

  explicit DropUnlessOpened(Ref<ChildTransport> made) noexcept : transport(std::move(made)) {}
  DropUnlessOpened(const DropUnlessOpened&) = delete;
  DropUnlessOpened& operator=(const DropUnlessOpened&) = delete;
  ~DropUnlessOpened() {
    if (!opened) transport->drop();
  }
};

Task<SubprocessConnection<SubprocessProtocol>> establish(Loop& loop, ProtocolFactory factory,
                                                         std::shared_ptr<Order> order) {
  auto protocol = std::static_pointer_cast<SubprocessProtocol>(factory());
  if (protocol == nullptr) throw std::invalid_argument("the protocol is null, expected a SubprocessProtocol");
  DropUnlessOpened guard(start(loop.core(), *order, protocol));
  order.reset();
  auto turn = sleep(Duration::zero());
  co_await std::move(turn);
  guard.transport->open();
  guard.opened = true;
  co_return SubprocessConnection<SubprocessProtocol>{SubprocessTransportRef(guard.transport),
                                                     std::move(protocol)};
}

}  // namespace

Task<SubprocessConnection<SubprocessProtocol>> Loop::start_subprocess(ProtocolFactory factory,
                                                                      std::string_view program,
                                                                      std::vector<std::string> arguments,
                                                                      const SubprocessOptions& options) {
  if (!core().backend().has_programs())
    throw NotSupportedError("a simulated network starts no programs, \"" + std::string(program) +
                            "\" was asked for");
  return establish(*this, std::move(factory), order_of(program, std::move(arguments), options));
}

}  // namespace tidegate
