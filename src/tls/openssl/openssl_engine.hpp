// A connection on OpenSSL: one SSL between lent ciphertext and a sink. Knows no transport.
#pragma once

#include "tls/context_core.hpp"
#include "tls/engine.hpp"
#include "tls/openssl/ciphertext_bio.hpp"
#include "tls/openssl/handles.hpp"
#include "tls/openssl/openssl_context.hpp"
#include "tls/openssl/openssl_errors.hpp"
#include "tls/openssl/record_buffers.hpp"

#include <cstddef>
#include <exception>
#include <memory>
#include <string>

namespace tidegate::tls {

class OpenSslEngine final : public Engine {
 public:
  /// See ContextCore::make_engine.
  OpenSslEngine(std::shared_ptr<const OpenSslContext> context, const EngineTerms& terms,
                CiphertextSink& sink);
  OpenSslEngine(const OpenSslEngine&) = delete;
  OpenSslEngine& operator=(const OpenSslEngine&) = delete;
  ~OpenSslEngine() override = default;

  // --- Engine --------------------------------------------------------------------------------------

  void feed(BytesView ciphertext) noexcept override;
  [[nodiscard]] std::size_t input_left() const noexcept override { return bio_.input_left(); }
  [[nodiscard]] BytesView take_rest() noexcept override;
  [[nodiscard]] Outcome handshake() override;
  [[nodiscard]] bool handshake_is_over() const noexcept override { return handshake_is_over_; }
  [[nodiscard]] ReadResult read(MutableBytesView memory) override;
  [[nodiscard]] bool holds_plaintext() const noexcept override;
  [[nodiscard]] Outcome write(BytesView plaintext) override;
  [[nodiscard]] std::size_t unencrypted() const noexcept override { return unencrypted_.size(); }
  void close() override;
  [[nodiscard]] bool peer_has_closed() const noexcept override { return peer_has_closed_; }
  [[nodiscard]] std::exception_ptr failure() const noexcept override { return failure_; }

  // --- TlsObject -----------------------------------------------------------------------------------

  [[nodiscard]] std::string version() const override;
  [[nodiscard]] std::optional<TlsCipher> cipher() const override;
  [[nodiscard]] std::string selected_alpn_protocol() const override;
  [[nodiscard]] std::string server_hostname() const override;
  [[nodiscard]] bool session_reused() const override;
  [[nodiscard]] TlsSession session() const override;
  [[nodiscard]] std::optional<TlsCertificate> peer_certificate() const override;
  [[nodiscard]] std::vector<TlsCertificate> peer_chain() const override;
  [[nodiscard]] std::vector<std::byte> channel_binding(std::string_view kind) const override;
  [[nodiscard]] TlsContext context() const override { return TlsContext(context_); }

  // --- what contexts have OpenSSL call ---------------------------------------------------------------

  static int verify_callback(int is_fine, X509_STORE_CTX* verification) noexcept;
  static int client_hello_callback(SSL* ssl, int* alert, void* nothing) noexcept;
  static void keylog_callback(const SSL* ssl, const char* line) noexcept;

 private:
  /// How far the question is, which context the client's server name is for.
  enum class NameQuestion : unsigned char { open, put, answered, refused };

  /// Makes the SSL that `context_` is for.
  void begin();
  void answer_name_question() noexcept;
  void start_over_with(const TlsContext& chosen);
  void report(const char* message) const noexcept;

  /// To be called before OpenSSL is, so that `why_not` speaks of that call.
  void begin_call() noexcept;
  /// What to say where a call of OpenSSL's was not done.
  Outcome why_not() noexcept;
  Outcome why_no_handshake() noexcept;
  [[nodiscard]] bool reads_encrypted() const noexcept;
  Outcome fail(std::exception_ptr failure) noexcept;
  Outcome fail(TlsErrc error, const char* what) noexcept;
  [[nodiscard]] Outcome encrypt(BytesView plaintext) noexcept;
  void count_refusals(std::size_t count, Outcome& outcome) noexcept;
  void say_close_notify() noexcept;
  /// Writing and closing, as far as they had to wait.
  void catch_up() noexcept;

  std::shared_ptr<const OpenSslContext> context_;
  /// Client: whom it asks for. Server: whom its client asks for, once that is known.
  std::string server_hostname_;
  std::function<void(const char*, std::exception_ptr)> report_;
  CiphertextBio bio_;
  /// After what it refers to.
  SslHandle ssl_;
  RecordBuffers buffers_;

  Refusal refusal_;
  std::exception_ptr failure_;
  std::string unencrypted_;
  std::size_t refusals_ = 0;
  NameQuestion name_question_ = NameQuestion::answered;
  bool handshake_is_over_ = false;
  /// `close` was called.
  bool has_closed_ = false;
  /// And is still to be said.
  bool owes_close_notify_ = false;
  bool peer_has_closed_ = false;
  /// `read` has come upon an end or a failure behind plaintext, and has not said so yet.
  bool owes_end_ = false;
};

}  // namespace tidegate::tls
