// One attempt to connect to one address, which a coroutine waits for and can give up at any moment.
#pragma once

#include <tidegate/future.hpp>
#include <tidegate/socket.hpp>

#include "kernel/backend.hpp"
#include "loop/loop_core.hpp"
#include "transport/owned_channel.hpp"

#include <system_error>

namespace tidegate::transport {

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
