// See security.hpp.
#include "security.hpp"

#include <tidegate/error.hpp>

#include "arguments.hpp"
#include "tls_terms.hpp"

#include <optional>
#include <stdexcept>

#include <fmt/format.h>

namespace tidegate::cli {

namespace {

/// A file that can't be read, or does not hold what it should, was named wrongly: its error is the library's,
/// and names it.
template <typename MakeContext>
TlsContext context_from(MakeContext make_context, const TlsOptions& options) {
  try {
    return make_context(options);
  } catch (const OsError& error) {
    throw UsageError(error.what());
  }
}

}  // namespace

Security Security::of_listening(const Url& url) {
  if (url.scheme != Url::Scheme::tls) return {};
  const TlsTerms terms = listening_terms(url);
  Security security;
  security.context_ = context_from(&TlsContext::server, terms.options);
  security.handshake_timeout_ = terms.handshake_timeout;
  return security;
}

Security Security::of_connecting(const Url& url) {
  if (url.scheme != Url::Scheme::tls) return {};
  const TlsTerms terms = connecting_terms(url);
  Security security;
  security.context_ = context_from(&TlsContext::client, terms.options);
  security.server_name_ = terms.server_name;
  security.handshake_timeout_ = terms.handshake_timeout;
  security.trusts_anybody_ = terms.trusts_anybody;
  return security;
}

ServerOptions Security::server_options() const {
  if (!context_) return {};
  return {.tls = context_, .tls_handshake_timeout = handshake_timeout_};
}

SecureAcceptOptions Security::accept_options() const {
  if (!context_) return {};
  return {.tls = context_, .tls_handshake_timeout = handshake_timeout_};
}

ConnectOptions Security::connect_options() const {
  if (!context_) return {};
  return {.tls = context_, .server_hostname = server_name_, .tls_handshake_timeout = handshake_timeout_};
}

std::string trust_warning(const Url& url) {
  return fmt::format("warning: whoever answers at {} is believed, because of verify=none", url.to_string());
}

std::string agreement_text(const TlsObject& tls) {
  std::string text = tls.version();
  if (const auto cipher = tls.cipher()) text += ", " + cipher->name;
  if (const std::string protocol = tls.selected_alpn_protocol(); !protocol.empty()) {
    text += ", alpn " + protocol;
  }
  if (const auto certificate = tls.peer_certificate()) text += ", peer " + certificate->subject;
  return text;
}

}  // namespace tidegate::cli
