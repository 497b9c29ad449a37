// Subprocesses with callbacks: what a program derives its protocol from, and what it holds of the child. See
// process.hpp for the same with coroutines.
//
// The order of calls (contract S1):
//     connection_made -> [pipe_data_received | pipe_connection_lost | process_exited]* -> connection_lost
// with pipe_connection_lost once per pipe and process_exited once, in whatever order the kernel shows them.
#pragma once

#include <tidegate/bytes.hpp>
#include <tidegate/descriptor.hpp>
#include <tidegate/error.hpp>
#include <tidegate/protocol.hpp>
#include <tidegate/ref.hpp>
#include <tidegate/transport.hpp>

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace tidegate {

class SubprocessTransport;

/// A share in the transport of a subprocess. Safe to keep and to call for ever.
using SubprocessTransportRef = Ref<SubprocessTransport>;

/// The protocol of a subprocess. `pause_writing` and `resume_writing` are about the pipe to its standard
/// input (S6). What a callback throws is told to the exception handler; the subprocess goes on.
class SubprocessProtocol : public BaseProtocol {
 public:
  /// The child runs, and its pipes are connected (L1).
  virtual void connection_made(SubprocessTransportRef transport) { static_cast<void>(transport); }

  /// The child has written to `fd`: 1 or 2. Lifetime: `data` is valid until this returns.
  virtual void pipe_data_received(int fd, BytesView data) {
    static_cast<void>(fd);
    static_cast<void>(data);
  }

  /// A pipe has ended: the child closed it, or `close()`. 0 is the one to its standard input; `reason` is
  /// EPIPE there where bytes were still buffered.
  virtual void pipe_connection_lost(int fd, const Error& reason) {
    static_cast<void>(fd);
    static_cast<void>(reason);
  }

  /// The child has ended, and `get_returncode` knows how. What it wrote before may still come.
  virtual void process_exited() {}
};

/// What becomes 0, 1 or 2 of a child.
class Stdio {
 public:
  enum class Kind : unsigned char { unspecified, pipe, inherit, devnull, descriptor, to_stdout };

  /// Left to the call: a pipe for `subprocess_exec`, ours for `create_subprocess_exec`.
  constexpr Stdio() noexcept = default;
  /// A pipe to or from us.
  [[nodiscard]] static constexpr Stdio pipe() noexcept { return Stdio(Kind::pipe, {}); }
  /// Ours.
  [[nodiscard]] static constexpr Stdio inherit() noexcept { return Stdio(Kind::inherit, {}); }
  /// /dev/null.
  [[nodiscard]] static constexpr Stdio devnull() noexcept { return Stdio(Kind::devnull, {}); }
  /// An open descriptor, which stays the caller's. Lifetime: open until the task of the call has finished;
  /// the child is started by that, not by the call.
  [[nodiscard]] static constexpr Stdio descriptor(FileDescriptor descriptor) noexcept {
    return Stdio(Kind::descriptor, descriptor);
  }
  /// For standard error only: the same as standard output.
  [[nodiscard]] static constexpr Stdio to_stdout() noexcept { return Stdio(Kind::to_stdout, {}); }

  [[nodiscard]] constexpr Kind kind() const noexcept { return kind_; }
  /// The open descriptor; invalid for every other kind.
  [[nodiscard]] constexpr FileDescriptor descriptor() const noexcept { return descriptor_; }

 private:
  constexpr Stdio(Kind kind, FileDescriptor descriptor) noexcept : kind_(kind), descriptor_(descriptor) {}

  Kind kind_ = Kind::unspecified;
  FileDescriptor descriptor_;
};

/// A user or a group: a number, or a name that is looked up; or neither, ours.
class Account {
 public:
  constexpr Account() noexcept = default;
  constexpr Account(unsigned number) noexcept : number_(number) {}    // NOLINT(google-explicit-constructor)
  constexpr Account(std::string_view name) noexcept : name_(name) {}  // NOLINT(google-explicit-constructor)
  constexpr Account(const char* name) noexcept : name_(name) {}       // NOLINT(google-explicit-constructor)

  /// None where a name was given, or nothing.
  [[nodiscard]] constexpr std::optional<unsigned> number() const noexcept { return number_; }
  /// None where a number was given, or nothing. An empty name is one that nobody has.
  [[nodiscard]] constexpr std::optional<std::string_view> name() const noexcept { return name_; }

 private:
  std::optional<unsigned> number_;
  std::optional<std::string_view> name_;
};

/// How a subprocess is started: Python's `subprocess` has the same options (contract S2). Texts and spans are
/// copied before the call returns. Beyond what is said here nothing leaks into a child: it has no other
/// descriptor of ours, every signal's disposition is the default, and none is blocked.
struct SubprocessOptions {
  /// What become 0, 1 and 2 of the child.
  Stdio standard_input = {};
  Stdio standard_output = {};
  Stdio standard_error = {};
  /// Lines NAME=VALUE; none: ours.
  std::optional<std::span<const std::string>> environment = std::nullopt;
  /// Where it runs; empty: where we are.
  std::string_view cwd = {};
  /// In a session of its own (setsid).
  bool start_new_session = false;
  /// In this process group; 0: a new one of its own.
  std::optional<int> process_group = std::nullopt;
  /// These stay open beside 0, 1 and 2, under their numbers. Lifetime: as that of Stdio::descriptor.
  std::span<const FileDescriptor> pass_fds = {};
  /// False: so does whatever is not close-on-exec.
  bool close_fds = true;
  /// Which permissions its files never get: 0 to 0777.
  std::optional<unsigned> umask = std::nullopt;
  /// Who it is; none: who we are.
  Account user = {};
  Account group = {};
  /// Instead of our supplementary groups.
  std::optional<std::span<const unsigned>> extra_groups = std::nullopt;
};

/// A child process and the pipes to it.
///
/// Lifetime and thread as BaseTransport. Closing the loop over one kills the child.
class SubprocessTransport : public BaseTransport {
 public:
  /// The process id of the child; it stays so after its end (S3).
  [[nodiscard]] virtual int get_pid() const noexcept = 0;

  /// None while it runs; its exit status, or -N where signal N has ended it.
  [[nodiscard]] virtual std::optional<int> get_returncode() const noexcept = 0;

  /// The pipe to 0 (it writes) or from 1 and 2 (they read) of the child; null where that is no pipe. Closing
  /// the one to 0 is how the child is told that there is no more.
  [[nodiscard]] virtual TransportRef get_pipe_transport(int fd) const noexcept = 0;

  /// Sends a signal to the child, never to another process that got its number. Nothing happens where it has
  /// just ended; after `connection_lost` there is nobody to send to. Throws OsError (ESRCH then; EINVAL for
  /// what is no signal, EPERM).
  virtual void send_signal(int signal_number) = 0;
  /// SIGTERM.
  virtual void terminate() = 0;
  /// SIGKILL.
  virtual void kill() = 0;

  /// Kills the child if it still runs, and closes the pipes; `connection_lost` comes when it has been reaped
  /// and every pipe has ended (S4). Idempotent.
  void close() override = 0;

  /// Hands the subprocess to another protocol from the next callback on (L8). Throws std::invalid_argument
  /// unless it is a SubprocessProtocol.
  virtual void set_protocol(std::shared_ptr<BaseProtocol> protocol) = 0;
  /// The present protocol; null after `connection_lost`.
  [[nodiscard]] virtual std::shared_ptr<BaseProtocol> get_protocol() const = 0;

 protected:
  ~SubprocessTransport() = default;
};

/// What `subprocess_exec` gives: both ends of the contract.
template <typename ProtocolType = SubprocessProtocol>
struct SubprocessConnection {
  SubprocessTransportRef transport;
  std::shared_ptr<ProtocolType> protocol;
};

}  // namespace tidegate
