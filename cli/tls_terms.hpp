// From the parameters of a tls:// URL to the terms on which connections are secured. Opens no files.
#pragma once

#include <tidegate/endpoint.hpp>
#include <tidegate/handle.hpp>
#include <tidegate/tls.hpp>

#include <chrono>
#include <string>

namespace tidegate::cli {

/// What a tls:// URL asks for.
struct TlsTerms {
  TlsOptions options;
  /// Connecting: whom the server has to be, and is told that it should be.
  std::string server_name = {};
  /// A peer that says nothing holds a place among --max-connections for as long as this.
  Duration handshake_timeout = std::chrono::seconds(10);
  /// Connecting: whoever answers is believed.
  bool trusts_anybody = false;
};

/// The parameters and what they mean, for `--help`.
extern const char* const kTlsParameters;

/// Of a place where clients are waited for: `cert`, which has to be there, `key`, `ca`, `verify`, `alpn`,
/// `min`, `handshake`. Throws UsageError that names the parameter, its value, and what was expected.
/// REQUIRES: the scheme is tls.
[[nodiscard]] TlsTerms listening_terms(const Url& url);

/// Of a place that is connected to: the same, none of which has to be there, and `name`.
[[nodiscard]] TlsTerms connecting_terms(const Url& url);

}  // namespace tidegate::cli
