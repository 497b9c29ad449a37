// One attempt to connect to one address, which a coroutine waits for and can give up at any moment.
#pragma once

#include <tidegate/future.hpp>
#include <tidegate/socket.hpp>

#include "kernel/backend.hpp"
#include "loop/loop_core.hpp"

#include <system_error>

namespace tidegate::transport {

/// A channel that is closed unless somebody takes it.
class OwnedChannel {
 public:
  OwnedChannel() noexcept = default;
  OwnedChannel(loop::LoopCore& core, kernel::ChannelId channel) noexcept : core_(&core), channel_(channel) {}
  OwnedChannel(OwnedChannel&& other) noexcept
      : core_(other.core_), channel_(std::exchange(other.channel_, kernel::ChannelId())) {}
  OwnedChannel& operator=(OwnedChannel&& other) noexcept {
    if (this != &other) {
      reset();
      core_ = other.core_;
      channel_ = std::exchange(other.channel_, kernel::ChannelId());
    }
    return *this;
  }
  ~OwnedChannel() { reset(); }

  [[nodiscard]] kernel::ChannelId get() const noexcept { return channel_; }
  [[nodiscard]] bool valid() const noexcept { return channel_.valid(); }
  [[nodiscard]] kernel::ChannelId release() noexcept { return std::exchange(channel_, kernel::ChannelId()); }
  void reset() noexcept {
    if (channel_.valid()) core_->backend().close(release());
  }

 private:
  loop::LoopCore* core_ = nullptr;  // Lifetime: outlives every channel
  kernel::ChannelId channel_;
};

/// Connects in the background of a coroutine:
///
///     ConnectAttempt attempt(core, std::move(socket), endpoint);
///     const std::error_code code = co_await attempt.wait();   // may throw CancelledError
///     OwnedChannel channel = attempt.take();
///
/// Dropping it on the way closes the descriptor, once the kernel has let go of it.
class ConnectAttempt {
 public:
  /// Starts at once. Throws OsError.
  ConnectAttempt(loop::LoopCore& core, Socket socket, const Endpoint& endpoint);
  ConnectAttempt(const ConnectAttempt&) = delete;
  ConnectAttempt& operator=(const ConnectAttempt&) = delete;
  ~ConnectAttempt();

  /// Done when the attempt has ended: with no error, or with that of the attempt.
  [[nodiscard]] Future<std::error_code> wait() const;
  /// The connected channel. REQUIRES: `wait` ended without an error; called once.
  [[nodiscard]] OwnedChannel take() noexcept;

 private:
  class Connecting;
  Connecting* connecting_;
};

}  // namespace tidegate::transport
