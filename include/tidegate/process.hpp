// Subprocesses with coroutines: start one, talk to it, wait for it. See subprocess.hpp for the same with
// callbacks.
#pragma once

#include <tidegate/stream_reader.hpp>
#include <tidegate/stream_writer.hpp>
#include <tidegate/subprocess.hpp>
#include <tidegate/task.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tidegate {

namespace detail {
class ProcessProtocol;
}

/// What a child has written, where that went through pipes.
struct ProcessOutput {
  std::string standard_output;
  std::string standard_error;
};

/// A child that was started by `create_subprocess_exec` or `create_subprocess_shell`: asyncio's `Process`. A
/// handle: copies are the same process.
///
/// Dropping it does not end the child, and dropping a handle of its streams does not close a pipe. What a
/// child writes to a pipe is kept until it is read, up to twice the limit and one piece that came more; one
/// that has more to say waits.
class Process {
 public:
  /// No process. REQUIRES of every member below: not this.
  Process() noexcept = default;

  /// Its process id; it stays so after its end.
  [[nodiscard]] int pid() const noexcept;
  /// None while it runs; its exit status, or -N where signal N has ended it.
  [[nodiscard]] std::optional<int> returncode() const noexcept;

  /// Waits for its end, whoever holds its pipes open, and returns its return code. A child that writes more
  /// than is kept never ends by itself: read it, or `communicate`.
  [[nodiscard]] Task<int> wait() const;

  /// Writes `input` to its standard input and closes that, reads what it writes until all pipes are closed,
  /// and waits for its end. That it may not read all of `input` is no error. Where the task is cancelled,
  /// what came is kept for the next call. Throws InvalidStateError where another task does so already,
  /// or reads; std::invalid_argument for input where standard input is no pipe.
  [[nodiscard]] Task<ProcessOutput> communicate(std::string input = {}) const;

  /// The pipes as streams: asyncio's `stdin`, `stdout` and `stderr`, which are macros of C. None where that
  /// is no pipe. Write and read both at the same time, or the child and the program may wait for each other
  /// for ever when the pipes are full: `communicate` does.
  [[nodiscard]] StreamWriter standard_input() const;
  [[nodiscard]] StreamReader standard_output() const;
  [[nodiscard]] StreamReader standard_error() const;

  /// As SubprocessTransport's (S3): ESRCH once it has ended and its pipes have. Throws OsError.
  void send_signal(int signal_number) const;
  /// SIGTERM.
  void terminate() const;
  /// SIGKILL.
  void kill() const;

  explicit operator bool() const noexcept { return state_ != nullptr; }
  /// For the library's own parts.
  explicit Process(std::shared_ptr<detail::ProcessProtocol> state) noexcept : state_(std::move(state)) {}

 private:
  std::shared_ptr<detail::ProcessProtocol> state_;
};

/// Starts `program` with `arguments` on the running loop; see `Loop::subprocess_exec`. Standard input, output
/// and error are ours unless `options` say otherwise. On GCC 12 name the list of arguments first: a braced
/// list inside co_await does not compile there. `limit`: how long a line of the child's may be; see
/// StreamReader.
[[nodiscard]] Task<Process> create_subprocess_exec(std::string_view program,
                                                   const std::vector<std::string>& arguments = {},
                                                   const SubprocessOptions& options = {},
                                                   std::size_t limit = kDefaultStreamLimit);

/// The same with `/bin/sh -c command`.
[[nodiscard]] Task<Process> create_subprocess_shell(std::string_view command,
                                                    const SubprocessOptions& options = {},
                                                    std::size_t limit = kDefaultStreamLimit);

}  // namespace tidegate
