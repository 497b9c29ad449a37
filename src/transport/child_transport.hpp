// A child process under the contract: between one SubprocessProtocol, the child, and the pipes to it.
#pragma once

#include <tidegate/subprocess.hpp>

#include "loop/loop_core.hpp"
#include "process/child.hpp"
#include "transport/exit_watch.hpp"
#include "transport/stream_transport.hpp"

#include <array>
#include <memory>
#include <optional>

namespace tidegate::transport {

/// The pipes of a child: ours of 0, 1 and 2, none where that is no pipe.
using ChildPipes = std::array<std::optional<OwnedPipe>, 3>;

/// The transport of a subprocess.
///
/// Lifetime: holds itself from its making until the child has been reaped, every pipe has ended and
/// `connection_lost` has returned; the user holds references beside that, and so do the pipes.
class ChildTransport final : public SubprocessTransport,
                             public loop::Resident,
                             private detail::ReadyNode,
                             private ExitWatch {
 public:
  /// Takes over a child that runs, and its pipes. Throws std::bad_alloc; the child is killed and reaped then.
  static Ref<ChildTransport> make(loop::LoopCore& core, process::Child child, ChildPipes pipes,
                                  std::shared_ptr<SubprocessProtocol> protocol);

  /// Tells the protocol (L1), and begins to read and to watch. REQUIRES: called by the loop, once. Throws
  /// where the child can't be watched.
  void open();
  /// Ends it where `open` was not called, and never will be: nobody is told.
  void drop() noexcept;
  void loop_closed() noexcept override;

  // --- SubprocessTransport, see there ------------------------------------------------------------
  void close() override;
  [[nodiscard]] bool is_closing() const noexcept override { return closed_ || phase_ != Phase::alive; }
  [[nodiscard]] std::any get_extra_info(std::string_view name) const override;
  [[nodiscard]] Loop& loop() const noexcept override { return core_.loop(); }
  [[nodiscard]] int get_pid() const noexcept override { return child_.pid(); }
  [[nodiscard]] std::optional<int> get_returncode() const noexcept override { return child_.returncode(); }
  [[nodiscard]] TransportRef get_pipe_transport(int fd) const noexcept override;
  void send_signal(int signal_number) override;
  void terminate() override;
  void kill() override;
  void set_protocol(std::shared_ptr<BaseProtocol> protocol) override;
  [[nodiscard]] std::shared_ptr<BaseProtocol> get_protocol() const override { return protocol_; }
  void retain() noexcept override { ++holders_; }
  void release() noexcept override;

 private:
  class PipeProtocol;

  /// lost: `connection_lost` is scheduled. ended: it has returned, or nobody was to be told.
  enum class Phase : unsigned char { alive, lost, ended };

  struct Pipe {
    Ref<StreamTransport> transport;  // kept after its end, for who asks
    bool connected = false;
    bool was_looked_at = false;  // whether it is large enough
  };

  ChildTransport(loop::LoopCore& core, process::Child child, std::shared_ptr<SubprocessProtocol> protocol);
  ~ChildTransport() = default;

  // From the pipes.
  void pipe_data_received(int fd, BytesView data);
  void pipe_connection_lost(int fd, const Error& reason);
  void pause_writing();
  void resume_writing();

  static void enlarge(const Pipe& pipe, std::size_t full_bytes) noexcept;
  template <typename Call>
  void tell(const Call& call, const char* failure);
  void child_ended() override;
  void watch_ended() noexcept override;
  void lose_if_finished() noexcept;
  void end_child_now() noexcept;
  void run() override;
  void discard() noexcept override { queued_ = false; }
  void end() noexcept;
  void leave() noexcept;
  void report(const char* message, std::exception_ptr exception) noexcept;

  loop::LoopCore& core_;  // Lifetime: outlives every open transport
  process::Child child_;
  std::array<Pipe, 3> pipes_;
  std::shared_ptr<SubprocessProtocol> protocol_;
  Phase phase_ = Phase::alive;
  bool closed_ = false;
  bool exited_ = false;  // and the protocol was told
  bool queued_ = false;
  bool holds_itself_ = false;
  unsigned holders_ = 0;
};

}  // namespace tidegate::transport
