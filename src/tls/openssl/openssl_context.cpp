#include "tls/openssl/openssl_context.hpp"

#include "net/printable.hpp"
#include "tls/make_context.hpp"
#include "tls/openssl/alpn.hpp"
#include "tls/openssl/credentials.hpp"
#include "tls/openssl/openssl_engine.hpp"
#include "tls/openssl/openssl_errors.hpp"

#include <array>
#include <new>
#include <stdexcept>

#include <fmt/format.h>
#include <openssl/rand.h>

namespace tidegate::tls {

namespace {

int number_of(TlsVersion version) noexcept {
  return version == TlsVersion::tls_1_2 ? TLS1_2_VERSION : TLS1_3_VERSION;
}

SslContextHandle make_native(OpenSslContext::Role role) {
  forget_errors();
  const bool is_server = role == OpenSslContext::Role::server;
  SslContextHandle context(SSL_CTX_new(is_server ? TLS_server_method() : TLS_client_method()));
  if (context == nullptr) throw_openssl_error(TlsErrc::internal, "make a TLS context");
  return context;
}

/// Where options say nothing, clients verify and servers ask for nothing.
TlsVerify verification_of(OpenSslContext::Role role, const TlsOptions& options) noexcept {
  return options.verify.value_or(role == OpenSslContext::Role::client ? TlsVerify::required
                                                                      : TlsVerify::none);
}

int verify_mode_of(OpenSslContext::Role role, TlsVerify verification) noexcept {
  if (verification == TlsVerify::none) return SSL_VERIFY_NONE;
  // A server always has a certificate: for clients, optional is the same as required.
  if (verification == TlsVerify::optional || role == OpenSslContext::Role::client) return SSL_VERIFY_PEER;
  return SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
}

/// A client that names nobody trusts whom this machine trusts; nobody else does unless told to.
bool wants_system_ca(OpenSslContext::Role role, const TlsOptions& options) noexcept {
  const bool names_somebody =
      !options.ca_file.empty() || !options.ca_path.empty() || !options.ca_data.empty();
  return options.system_ca.value_or(role == OpenSslContext::Role::client && !names_somebody);
}

void check_text(const std::string& list, const char* what) {
  if (list.find('\0') == std::string::npos) return;
  throw std::invalid_argument(fmt::format("{} '{}' has a NUL in it", what, net::printable(list)));
}

}  // namespace

OpenSslContext::OpenSslContext(Role role, const TlsOptions& options)
    : role_(role),
      alpn_(alpn_wire_form(options.alpn_protocols)),
      sni_callback_(options.sni_callback),
      key_log_(options.keylog_callback, options.keylog_file),
      context_(make_native(role)) {
  if (is_server() && options.cert_chains.empty()) {
    throw std::invalid_argument("a TLS context for servers needs a certificate (cert_chains)");
  }
  // Idle connections hold no buffers of OpenSSL's, which are 16 KiB and more each.
  SSL_CTX_set_mode(context_.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_options(context_.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  set_versions(options);
  set_ciphers(options);
  for (const TlsCertChain& chain : options.cert_chains) use_cert_chain(context_.get(), chain);
  set_trust(options);
  set_sessions(options);
  set_callbacks();
}

void OpenSslContext::set_versions(const TlsOptions& options) {
  if (options.minimum_version > options.maximum_version) {
    throw std::invalid_argument("minimum_version is later than maximum_version");
  }
  SSL_CTX_set_min_proto_version(context_.get(), number_of(options.minimum_version));
  SSL_CTX_set_max_proto_version(context_.get(), number_of(options.maximum_version));
}

void OpenSslContext::set_ciphers(const TlsOptions& options) {
  check_text(options.ciphers, "ciphers");
  check_text(options.ciphersuites, "ciphersuites");
  if (!options.ciphers.empty() && SSL_CTX_set_cipher_list(context_.get(), options.ciphers.c_str()) != 1) {
    forget_errors();
    throw std::invalid_argument(
        fmt::format("ciphers '{}' names no cipher that can be used", net::printable(options.ciphers)));
  }
  if (!options.ciphersuites.empty() &&
      SSL_CTX_set_ciphersuites(context_.get(), options.ciphersuites.c_str()) != 1) {
    forget_errors();
    throw std::invalid_argument(
        fmt::format("ciphersuites '{}' has one that does not exist", net::printable(options.ciphersuites)));
  }
}

void OpenSslContext::set_trust(const TlsOptions& options) {
  const TlsVerify verification = verification_of(role_, options);
  checks_hostname_ = !is_server() && verification != TlsVerify::none && options.check_hostname;
  trust_authorities(context_.get(), options, wants_system_ca(role_, options));
  SSL_CTX_set_verify(context_.get(), verify_mode_of(role_, verification), &OpenSslEngine::verify_callback);
}

void OpenSslContext::set_sessions(const TlsOptions& options) {
  // What a session needs is in its ticket, which the client keeps: nothing is kept here per client.
  SSL_CTX_set_session_cache_mode(context_.get(), SSL_SESS_CACHE_OFF);
  if (!is_server()) return;
  if (options.session_tickets == 0) SSL_CTX_set_options(context_.get(), SSL_OP_NO_TICKET);
  SSL_CTX_set_num_tickets(context_.get(), options.session_tickets);

  // Without one, sessions with client certificates are refused; with the same one everywhere, a session could
  // be resumed with a context that trusts somebody else.
  std::array<unsigned char, SSL_MAX_SID_CTX_LENGTH> id{};
  if (RAND_bytes(id.data(), static_cast<int>(id.size())) != 1) {
    throw_openssl_error(TlsErrc::internal, "make a TLS context");
  }
  SSL_CTX_set_session_id_context(context_.get(), id.data(), static_cast<unsigned>(id.size()));
}

void OpenSslContext::set_callbacks() {
  if (is_server()) {
    choose_by_alpn(context_.get(), alpn_);
    if (sni_callback_)
      SSL_CTX_set_client_hello_cb(context_.get(), &OpenSslEngine::client_hello_callback, nullptr);
  } else {
    offer_alpn(context_.get(), alpn_);
  }
  if (key_log_) SSL_CTX_set_keylog_callback(context_.get(), &OpenSslEngine::keylog_callback);
}

SslHandle OpenSslContext::make_ssl() const {
  SslHandle ssl(SSL_new(context_.get()));
  if (ssl == nullptr) throw_openssl_error(TlsErrc::internal, "begin a TLS connection");
  if (is_server()) {
    SSL_set_accept_state(ssl.get());
  } else {
    SSL_set_connect_state(ssl.get());
  }
  return ssl;
}

std::shared_ptr<Engine> OpenSslContext::make_engine(const EngineTerms& terms, CiphertextSink& sink) const {
  auto self = std::static_pointer_cast<const OpenSslContext>(shared_from_this());
  return std::make_shared<OpenSslEngine>(std::move(self), terms, sink);
}

std::shared_ptr<const ContextCore> make_client_context(const TlsOptions& options) {
  return std::make_shared<const OpenSslContext>(OpenSslContext::Role::client, options);
}

std::shared_ptr<const ContextCore> make_server_context(const TlsOptions& options) {
  return std::make_shared<const OpenSslContext>(OpenSslContext::Role::server, options);
}

}  // namespace tidegate::tls
