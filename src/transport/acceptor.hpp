// One listening socket: connections come in, and accepting survives a system that runs out of something
// (contract C2).
#pragma once

#include <tidegate/callback.hpp>
#include <tidegate/handle.hpp>
#include <tidegate/socket.hpp>

#include "kernel/backend.hpp"
#include "loop/loop_core.hpp"

namespace tidegate::transport {

/// What an acceptor hands its connections to.
class ConnectionSink {
 public:
  /// `channel` belongs to the sink from the call on.
  virtual void connection_accepted(OwnedFileDescriptor descriptor, Endpoint peer) = 0;

 protected:
  ~ConnectionSink() = default;
};

/// Ends itself when it was closed and its operation has completed; until then it belongs to whoever made it.
class Acceptor final : private kernel::AcceptOperation {
 public:
  /// How long accepting stops after EMFILE and such.
  static constexpr Duration kRetryDelay = std::chrono::seconds(1);

  /// Takes over a bound socket. Throws OsError, std::bad_alloc. Lifetime: `sink` outlives it until `close`.
  static Acceptor* make(loop::LoopCore& core, Socket socket, int backlog, ConnectionSink& sink);

  /// Starts to listen and to accept. Idempotent. Throws OsError that names the address.
  void start();
  [[nodiscard]] bool started() const noexcept { return started_; }

  /// Stops accepting, closes the socket, and lets go of itself. Not to be touched afterwards.
  void close() noexcept;

  [[nodiscard]] SocketView socket() const noexcept {
    return SocketView(core_.backend().descriptor(channel_));
  }

 private:
  Acceptor(loop::LoopCore& core, int backlog, ConnectionSink& sink) noexcept
      : core_(core), sink_(&sink), backlog_(backlog) {}
  ~Acceptor() = default;

  [[nodiscard]] int batch() const noexcept override { return backlog_; }
  void accepted(OwnedFileDescriptor descriptor, const net::SocketAddress& peer) override;
  void completed(int result) override;
  [[nodiscard]] std::exception_ptr failure_of(std::error_code code) const noexcept;
  void accept_later() noexcept;
  void finish() noexcept;

  loop::LoopCore& core_;  // Lifetime: outlives every open socket
  ConnectionSink* sink_;  // null once closed
  kernel::ChannelId channel_;
  TimerHandle retry_;
  int backlog_;
  bool started_ = false;
  bool short_of_resources_ = false;  // reported already; true until a connection is accepted again
};

}  // namespace tidegate::transport
