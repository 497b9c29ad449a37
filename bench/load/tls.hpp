// TLS between two pieces of memory, on the client's side: plaintext in, ciphertext out, and back. Knows no
// socket.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <openssl/ssl.h>

namespace load {

namespace detail {
struct ContextDeleter {
  void operator()(SSL_CTX* context) const noexcept { SSL_CTX_free(context); }
};
struct SessionDeleter {
  void operator()(SSL_SESSION* session) const noexcept { SSL_SESSION_free(session); }
};
struct StreamDeleter {
  void operator()(SSL* ssl) const noexcept { SSL_free(ssl); }
};
}  // namespace detail

/// What resumes an earlier session; empty: a full handshake.
using TlsSession = std::unique_ptr<SSL_SESSION, detail::SessionDeleter>;

/// What all connections of a run have in common: TLS 1.3, AES-128-GCM, X25519, and whom to trust.
class TlsContext {
 public:
  /// Trusts the certificates in a file (PEM). Throws std::runtime_error.
  explicit TlsContext(const std::string& trusted_file);

  [[nodiscard]] SSL_CTX* get() const noexcept { return context_.get(); }

 private:
  std::unique_ptr<SSL_CTX, detail::ContextDeleter> context_;
};

/// One connection's TLS. Everything throws std::runtime_error where the other side breaks its rules.
class TlsStream {
 public:
  /// Begins the handshake: there is ciphertext at once.
  TlsStream(const TlsContext& context, TlsSession session);
  ~TlsStream();
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  [[nodiscard]] bool is_ready() const noexcept;
  [[nodiscard]] bool was_given_session() const noexcept { return was_given_session_; }
  /// Whether the server has agreed to resume that session. REQUIRES: is_ready().
  [[nodiscard]] bool has_resumed() const noexcept;
  /// The latest ticket that has arrived; empty where there is none.
  [[nodiscard]] TlsSession take_session() noexcept { return std::move(session_); }

  /// Encrypts all of it. REQUIRES: is_ready().
  void encrypt(std::span<const unsigned char> plaintext);
  /// Says that no more comes.
  void say_goodbye() noexcept;

  /// Takes all of `ciphertext`, goes on with the handshake, and returns how many bytes were decrypted.
  /// REQUIRES: `plaintext` has room for as many bytes as `ciphertext` has, and for a record.
  std::size_t decrypt(std::span<const unsigned char> ciphertext, std::span<unsigned char> plaintext);
  static constexpr std::size_t kRecordBytes = std::size_t{17} * 1024;

  /// What has to be sent.
  [[nodiscard]] std::span<const unsigned char> output() const noexcept {
    return std::span(output_).subspan(output_first_);
  }
  /// So much of it was sent.
  void drop_output(std::size_t bytes) noexcept;

 private:
  friend struct TlsCallbacks;

  void go_on_with_handshake();

  std::unique_ptr<SSL, detail::StreamDeleter> ssl_;
  TlsSession session_;
  bool was_given_session_;
  std::span<const unsigned char> input_;  // lent while `decrypt` runs
  std::vector<unsigned char> output_;
  std::size_t output_first_ = 0;
};

}  // namespace load
