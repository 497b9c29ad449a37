// What the connections of a place are secured with: nothing, or what its tls:// URL says.
#pragma once

#include <tidegate/endpoint.hpp>
#include <tidegate/handle.hpp>
#include <tidegate/loop.hpp>
#include <tidegate/tls.hpp>

#include <string>

namespace tidegate::cli {

/// The terms of one place with their files read. A value; copies share the context.
class Security {
 public:
  /// None.
  Security() = default;

  /// Of a place where clients are waited for; none unless it is tls://. Throws UsageError for parameters and
  /// for files that can't be used, NotSupportedError in a build without TLS.
  [[nodiscard]] static Security of_listening(const Url& url);
  /// Of a place that is connected to; otherwise as above.
  [[nodiscard]] static Security of_connecting(const Url& url);

  /// Whether there is any.
  explicit operator bool() const noexcept { return static_cast<bool>(context_); }
  /// Connecting: whoever answers is believed, which people should be told.
  [[nodiscard]] bool trusts_anybody() const noexcept { return trusts_anybody_; }

  /// For the calls of the loop. Lifetime: this outlives what it gives to `create_connection`.
  [[nodiscard]] ServerOptions server_options() const;
  [[nodiscard]] SecureAcceptOptions accept_options() const;
  [[nodiscard]] ConnectOptions connect_options() const;

 private:
  TlsContext context_;
  std::string server_name_;
  Duration handshake_timeout_{};
  bool trusts_anybody_ = false;
};

/// One line that tells people that whoever answers at `url` is believed.
[[nodiscard]] std::string trust_warning(const Url& url);

/// What was agreed on with the peer, for people: "TLSv1.3, TLS_AES_256_GCM_SHA384, alpn h2, peer CN=x".
[[nodiscard]] std::string agreement_text(const TlsObject& tls);

}  // namespace tidegate::cli
