// A context on OpenSSL: an SSL_CTX made of TlsOptions, and what connections ask of it besides.
#pragma once

#include <tidegate/tls.hpp>

#include "tls/context_core.hpp"
#include "tls/openssl/handles.hpp"
#include "tls/openssl/key_log.hpp"

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace tidegate::tls {

/// Thread: any.
class OpenSslContext final : public ContextCore {
 public:
  enum class Role : unsigned char { client, server };

  /// See TlsContext::client and TlsContext::server for what it throws.
  OpenSslContext(Role role, const TlsOptions& options);

  [[nodiscard]] bool is_server() const noexcept override { return role_ == Role::server; }
  [[nodiscard]] bool checks_hostname() const noexcept override { return checks_hostname_; }
  [[nodiscard]] std::shared_ptr<Engine> make_engine(const EngineTerms& terms,
                                                    CiphertextSink& sink) const override;

  // --- for engines ---------------------------------------------------------------------------------

  /// In the right role. Throws std::bad_alloc.
  [[nodiscard]] SslHandle make_ssl() const;
  /// Whom to ask about a client's server name; may be empty.
  [[nodiscard]] const std::function<TlsContext(const std::string&)>& sni_callback() const noexcept {
    return sni_callback_;
  }
  [[nodiscard]] const KeyLog& key_log() const noexcept { return key_log_; }

 private:
  void set_versions(const TlsOptions& options);
  void set_ciphers(const TlsOptions& options);
  void set_trust(const TlsOptions& options);
  void set_sessions(const TlsOptions& options);
  void set_callbacks();

  Role role_;
  bool checks_hostname_ = false;
  std::string alpn_;
  std::function<TlsContext(const std::string&)> sni_callback_;
  KeyLog key_log_;
  SslContextHandle context_;
};

}  // namespace tidegate::tls
