// How connections are secured, from the options of the public calls to a layer: see transport/securing.hpp.
#include "transport/securing.hpp"

#include "tls/context_core.hpp"
#include "tls/tls_transport.hpp"

#include <chrono>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

namespace tidegate::transport {

namespace {

// As asyncio's (T2).
constexpr std::chrono::seconds kHandshakeTimeout{60};
constexpr std::chrono::seconds kShutdownTimeout{30};

[[noreturn]] void refuse(const SecuringOptions& options, const std::string& what) {
  throw std::invalid_argument(fmt::format("{}: {}", options.caller, what));
}

Duration checked(const SecuringOptions& options, const char* name, std::optional<Duration> given,
                 Duration usual) {
  if (!given) return usual;
  if (!options.context) refuse(options, fmt::format("{} is only meaningful with tls", name));
  if (*given <= Duration::zero()) {
    refuse(options, fmt::format("{} is {} s, expected more than 0", name,
                                std::chrono::duration<double>(*given).count()));
  }
  return *given;
}

Securing with_timeouts(const SecuringOptions& options) {
  Securing securing;
  securing.context = options.context;
  securing.handshake_timeout =
      checked(options, "tls_handshake_timeout", options.handshake_timeout, kHandshakeTimeout);
  securing.shutdown_timeout =
      checked(options, "tls_shutdown_timeout", options.shutdown_timeout, kShutdownTimeout);
  return securing;
}

}  // namespace

Securing secure_client(const SecuringOptions& options) {
  Securing securing = with_timeouts(options);
  if (!options.context) {
    if (options.server_hostname) refuse(options, "server_hostname is only meaningful with tls");
    if (options.session) refuse(options, "tls_session is only meaningful with tls");
    return securing;
  }
  if (options.context.is_server())
    refuse(options, "the TLS context is for accepting, expected one for connecting");
  const std::optional<std::string_view> name =
      options.server_hostname ? options.server_hostname : options.host;
  securing.server_hostname = name.value_or(std::string_view());
  if (securing.server_hostname.empty() && options.context.core()->checks_hostname()) {
    refuse(options, "server_hostname is needed, for the context checks it (check_hostname)");
  }
  securing.session = options.session;
  return securing;
}

Securing secure_server(const SecuringOptions& options) {
  Securing securing = with_timeouts(options);
  if (!options.context) return securing;
  if (!options.context.is_server()) {
    refuse(options, "the TLS context is for connecting, expected one for accepting");
  }
  if (options.server_hostname) refuse(options, "server_hostname is only meaningful for clients");
  if (options.session) refuse(options, "tls_session is only meaningful for clients");
  return securing;
}

std::shared_ptr<Layer> make_layer(loop::LoopCore& core, const Securing& securing,
                                  std::shared_ptr<BaseProtocol> above, Opening opening) {
  return tls::TlsTransport::make(core, securing, std::move(above), opening);
}

}  // namespace tidegate::transport
