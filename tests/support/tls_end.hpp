// The TLS of the test's own: OpenSSL on memory, without a socket, that can also say what no honest end would.
// Knows nothing of the library's TLS.
#pragma once

#include <tidegate/bytes.hpp>

#include "support/certificates.hpp"
#include "support/openssl_handles.hpp"
#include "support/tls_records.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace tidegate::testing {

enum class TlsRole { client, server };

/// Of TLS 1.2.
inline constexpr const char* kForgeableCipher = "ECDHE-ECDSA-AES128-GCM-SHA256";

/// Who it is and what it agrees to.
struct TlsEndOptions {
  TlsRole role = TlsRole::client;
  /// What it shows: a server needs one. Null: none.
  const Certificate* certificate = nullptr;
  /// Client: verifies the server. Server: asks for a certificate, and insists.
  bool verifies = false;
  /// Whom it trusts, in PEM; empty: the trusted authority.
  std::string trusted_pem = {};
  /// Client: whom it asks for (SNI), and whom it expects where it verifies; empty: nobody.
  std::string server_name = "localhost";
  /// TLS1_2_VERSION, TLS1_3_VERSION ... of OpenSSL.
  int minimum_version = TLS1_2_VERSION;
  int maximum_version = TLS1_3_VERSION;
  /// For TLS 1.2; empty: OpenSSL's default.
  std::string ciphers = {};
  /// Client: offered. Server: the first of the client's that is among these.
  std::vector<std::string> alpn_protocols = {};
  /// Server: tickets after the handshake (TLS 1.3).
  std::size_t session_tickets = 2;
  /// Cuts what it sends into records of this size, 512 bytes or more: messages of the connection's own, such
  /// as tickets, too. 0: into the largest.
  std::size_t fragment_bytes = 0;
};

/// An alert that was received or sent.
struct Alert {
  AlertLevel level;
  AlertKind kind;

  friend bool operator==(const Alert&, const Alert&) = default;
};

/// One end of a TLS connection: ciphertext goes in by `take` and comes out by `give`. TLS 1.3 is always
/// TLS_AES_128_GCM_SHA256, so that records can be forged; for TLS 1.2 `ciphers` has to say so:
/// kForgeableCipher.
class TlsEnd {
 public:
  explicit TlsEnd(const TlsEndOptions& options);
  TlsEnd(const TlsEnd&) = delete;
  TlsEnd& operator=(const TlsEnd&) = delete;
  ~TlsEnd() = default;

  // --- as it should be ---------------------------------------------------------------------------

  /// Ciphertext from the other end.
  void take(BytesView ciphertext);
  /// All that is to be sent to it and was not given yet.
  [[nodiscard]] std::string give();

  [[nodiscard]] bool handshake_is_over() const noexcept;
  /// Decrypts what was taken, `limit_bytes` of it at most, and adds it to `plaintext`; returns how much that
  /// was. Goes on with the handshake where that is not over.
  std::size_t read(std::string& plaintext, std::size_t limit_bytes);
  /// Encrypts. REQUIRES: the handshake is over.
  void write(BytesView plaintext);
  /// Says close_notify.
  void close();

  [[nodiscard]] bool saw_close_notify() const noexcept;
  /// What went wrong first, in OpenSSL's words; empty for nothing.
  [[nodiscard]] const std::string& failure() const noexcept { return failure_; }
  [[nodiscard]] const std::vector<Alert>& alerts_received() const noexcept { return alerts_received_; }
  [[nodiscard]] const std::vector<Alert>& alerts_sent() const noexcept { return alerts_sent_; }
  [[nodiscard]] std::string version() const { return SSL_get_version(ssl_.get()); }
  /// What was agreed on (ALPN).
  [[nodiscard]] std::string selected_alpn_protocol() const;
  /// Server: whom the client has asked for (SNI).
  [[nodiscard]] std::string requested_name() const;
  [[nodiscard]] bool peer_has_shown_a_certificate() const;
  /// Renegotiations included (TLS 1.2).
  [[nodiscard]] int handshakes_made() const noexcept { return handshakes_made_; }

  // --- as it should not be -----------------------------------------------------------------------

  /// New keys for what this end sends, and for what it receives where `requested` (TLS 1.3).
  void update_keys(bool requested);
  /// Begins another handshake: a client's ClientHello, a server's HelloRequest (TLS 1.2).
  void renegotiate();
  /// A protected record of any kind. REQUIRES: TLS 1.3, the handshake is over, this end has written nothing,
  /// session tickets included; nor will it.
  [[nodiscard]] std::string forge(RecordType type, BytesView content, std::size_t padding_bytes = 0);
  /// The same for TLS 1.2 with kForgeableCipher.
  [[nodiscard]] std::string forge_old(RecordType type, BytesView content);
  /// As `forge`, of a KeyUpdate; what is forged afterwards is under new keys.
  [[nodiscard]] std::string forge_key_update(bool requested);

 private:
  static ContextHandle make_context(const TlsEndOptions& options, std::string& alpn);
  void note_alert(int where, int numbers);
  void note_secret(const char* line);
  void note(int outcome, const char* attempted);
  RecordSealer& sealer();
  OldRecordSealer make_old_sealer() const;

  TlsRole role_;
  std::string alpn_wire_;
  ContextHandle context_;
  ConnectionHandle ssl_;
  std::string failure_;
  int handshakes_made_ = 0;
  std::vector<Alert> alerts_received_;
  std::vector<Alert> alerts_sent_;
  std::string traffic_secret_;
  std::unique_ptr<RecordSealer> sealer_;
  std::unique_ptr<OldRecordSealer> old_sealer_;
};

}  // namespace tidegate::testing
