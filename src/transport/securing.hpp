// How connections are secured, as the options of the public calls say it. Knows that there is a layer for it,
// and not what it is: src/tls defines all of this.
#pragma once

#include <tidegate/loop.hpp>

#include "loop/loop_core.hpp"
#include "transport/layer.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace tidegate::transport {

/// The options, checked and with what they point to. False: nothing is to be secured.
struct Securing {
  TlsContext context;
  std::string server_hostname;
  Duration handshake_timeout{};
  Duration shutdown_timeout{};
  TlsSession session;
  /// Whether an end without a close_notify is an end of file, as asyncio has it, and no error (T3).
  bool cut_is_end = false;

  explicit operator bool() const noexcept { return static_cast<bool>(context); }
};

/// The options as they were given.
struct SecuringOptions {
  /// For texts: "create_server".
  const char* caller;
  TlsContext context;
  std::optional<Duration> handshake_timeout;
  std::optional<Duration> shutdown_timeout;
  /// Clients only. Left out: `host`, where there is one.
  std::optional<std::string_view> server_hostname = std::nullopt;
  std::optional<std::string_view> host = std::nullopt;
  TlsSession session = {};
};

/// Checks them. Throws std::invalid_argument that names what does not fit: a context for the other side, a
/// time that is not positive, anything of TLS without a context, no name where one is to be checked.
[[nodiscard]] Securing secure_client(const SecuringOptions& options);
[[nodiscard]] Securing secure_server(const SecuringOptions& options);

/// Who hears of a handshake that fails: whoever waits for `Layer::opened`, or the loop's exception handler.
enum class Opening : bool { reported, awaited };

/// The layer for one connection. REQUIRES: `securing`. Throws as ContextCore::make_engine and ProtocolSlot.
[[nodiscard]] std::shared_ptr<Layer> make_layer(loop::LoopCore& core, const Securing& securing,
                                                std::shared_ptr<BaseProtocol> above, Opening opening);

}  // namespace tidegate::transport
