// TLS: what a connection is secured with (TlsContext), and what can be asked about one that is (TlsObject).
//
// A context is given to whatever makes connections, as `.tls`: create_server, create_connection,
// create_unix_server, create_unix_connection, connect_accepted_socket and start_tls. The transport that comes
// of it keeps the same contract as every other; what differs is said in docs/differences-from-asyncio.md.
#pragma once

#include <tidegate/bytes.hpp>
#include <tidegate/error.hpp>
#include <tidegate/ref.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace tidegate {

class BaseTransport;
class TlsContext;

namespace tls {
class ContextCore;
class SessionCore;
}  // namespace tls

// --- errors ------------------------------------------------------------------------------------------------

/// What a TLS connection may fail of, as `Error::code()` and `TlsError::code()` tell it apart. Its category
/// is `tls_category()`.
enum class TlsErrc {
  /// The peer's certificate was not accepted: unknown issuer, expired, wrong host ... (CertificateError).
  certificate_rejected = 1,
  /// The peer has ended the connection with a fatal alert; the text says which.
  alert_received,
  /// The peer sent what is no TLS, or TLS that is broken, tampered with, or not allowed.
  protocol_violation,
  /// The two ends have no protocol version, cipher or certificate in common.
  nothing_in_common,
  /// The connection was cut without a close_notify: what was received may not be all (contract T3).
  truncated,
  /// The handshake was not over within `tls_handshake_timeout` (T2). Equals std::errc::timed_out.
  handshake_timed_out,
  /// The peer did not answer our close_notify, or did not take what was still to be sent, within
  /// `tls_shutdown_timeout` (T2, T8). Equals std::errc::timed_out.
  shutdown_timed_out,
  /// A certificate, a key or a list of authorities that a context was to be made of can't be used; the text
  /// names it and says why.
  bad_credentials,
  /// The TLS library failed for a reason of its own, such as no memory; the text says which.
  internal,
};

/// The category of TlsErrc.
[[nodiscard]] const std::error_category& tls_category() noexcept;
[[nodiscard]] inline std::error_code make_error_code(TlsErrc error) noexcept {
  return {static_cast<int>(error), tls_category()};
}

/// Something failed in TLS: a certificate file that can't be used, a handshake, a connection (the counterpart
/// of Python's ssl.SSLError).
class TlsError : public OsError {
 public:
  /// `what`: what happened, for people, in the words of the TLS library where it has some.
  TlsError(TlsErrc error, const std::string& what) : OsError(make_error_code(error), what) {}
};

/// The peer's certificate was not accepted (the counterpart of ssl.SSLCertVerificationError).
class CertificateError : public TlsError {
 public:
  CertificateError(int verify_code, const std::string& verify_message)
      : TlsError(TlsErrc::certificate_rejected, verify_message),
        verify_code_(verify_code),
        verify_message_(verify_message) {}

  /// X509_V_ERR_...: 10 expired, 18 self-signed, 19 self-signed in the chain, 20 unknown issuer, 62 other
  /// host name, 64 other address ...
  [[nodiscard]] int verify_code() const noexcept { return verify_code_; }
  /// The same in words.
  [[nodiscard]] const std::string& verify_message() const noexcept { return verify_message_; }

 private:
  int verify_code_;
  std::string verify_message_;
};

// --- what a context is made of -----------------------------------------------------------------------------

/// Versions of the protocol. Older ones are not to be had: they are broken.
enum class TlsVersion { tls_1_2, tls_1_3 };

/// Whether the other end has to show a certificate that we trust.
enum class TlsVerify {
  /// None is asked for (server), or whatever comes is accepted (client): protects against listening only.
  none,
  /// A server asks for one; a client that has none is accepted, one with a wrong one is not.
  optional,
  /// Without an accepted certificate there is no connection.
  required,
};

/// A certificate with the intermediate ones that lead to its issuer, and its private key (`load_cert_chain`).
/// Each as a file or as text, in PEM; the key may stand in the certificate's file or text.
struct TlsCertChain {
  std::string certificate_file;
  std::string certificate_pem;
  std::string key_file;
  std::string key_pem;
  /// Of an encrypted key.
  std::string password;
};

/// What `TlsContext::client` and `TlsContext::server` are told. Names and defaults are those of Python's ssl
/// module (create_default_context) where it has them.
struct TlsOptions {
  /// Who we are. A server needs one; several where they are of different kinds of keys. A client shows one
  /// where the server asks.
  std::vector<TlsCertChain> cert_chains = {};

  /// Whom we trust (`load_verify_locations`): a file of PEM certificates, a folder as `openssl rehash` makes
  /// it, and PEM text.
  std::string ca_file = {};
  std::string ca_path = {};
  std::string ca_data = {};
  /// And everybody whom this machine trusts; left out: clients that name nobody else.
  std::optional<bool> system_ca = std::nullopt;
  /// Left out: `required` for clients, `none` for servers.
  std::optional<TlsVerify> verify = std::nullopt;
  /// A client also checks that the certificate is the host's (`server_hostname`), name or IP address. Only
  /// its alternative names count, not its common name (RFC 9525).
  bool check_hostname = true;

  TlsVersion minimum_version = TlsVersion::tls_1_2;
  TlsVersion maximum_version = TlsVersion::tls_1_3;
  /// OpenSSL's list for TLS 1.2, such as "ECDHE+AESGCM"; empty: its default.
  std::string ciphers = {};
  /// For TLS 1.3, such as "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256"; empty: its default.
  std::string ciphersuites = {};
  /// Protocols to agree on (ALPN), best first: "h2", "http/1.1". A server that finds none in common goes on
  /// without, as asyncio's does.
  std::vector<std::string> alpn_protocols = {};

  /// Tickets that a server gives each client for coming back without a full handshake; 0: none.
  std::size_t session_tickets = 2;
  /// A server is told the name that the client asks for (SNI; empty where it names none), and may go on with
  /// another context; an empty one: with this. What it throws ends the handshake (unrecognized_name) and is
  /// told to the loop's exception handler. Thread: that of the connection's loop.
  std::function<TlsContext(const std::string& server_name)> sni_callback = {};
  /// Given the secrets of every connection, a line at a time without its end, as Wireshark reads them.
  /// Thread: that of the connection's loop.
  std::function<void(std::string_view line)> keylog_callback = {};
  /// A file that these lines are appended to.
  std::string keylog_file = {};
};

/// What connections are secured with: keys, trust, versions. Made once, shared by any number of connections.
/// A handle: copies are the same context. It can't be changed, so that no connection ever sees half of a
/// change.
///
/// Renegotiation and compression are always off.
///
/// Lifetime: connections keep what they need of it.
/// Thread: any; loops on several threads may share one.
class TlsContext {
 public:
  /// None: connections stay as they are.
  TlsContext() noexcept = default;

  /// For connecting. Verifies the server's certificate and name unless told otherwise (contract T1). Throws
  /// TlsError that names the file and what is wrong with it, OsError where it can't be read,
  /// std::invalid_argument for a cipher list, a name or a range that makes no sense; NotSupportedError in a
  /// build without TLS.
  [[nodiscard]] static TlsContext client(const TlsOptions& options = {});
  /// For accepting. Throws as `client`, and std::invalid_argument without a certificate.
  [[nodiscard]] static TlsContext server(const TlsOptions& options);

  /// False for none.
  explicit operator bool() const noexcept { return core_ != nullptr; }
  /// Whether it is for accepting. REQUIRES: not none.
  [[nodiscard]] bool is_server() const noexcept;

  friend bool operator==(const TlsContext&, const TlsContext&) = default;

  /// For the library's own parts.
  explicit TlsContext(std::shared_ptr<const tls::ContextCore> core) noexcept : core_(std::move(core)) {}
  [[nodiscard]] const std::shared_ptr<const tls::ContextCore>& core() const noexcept { return core_; }

 private:
  std::shared_ptr<const tls::ContextCore> core_;
};

/// What a client needs to resume a session with the same server: faster than a full handshake, and without
/// its certificates. A handle; empty where there is none. TLS 1.3 sessions should be used once.
///
/// Thread: any.
class TlsSession {
 public:
  TlsSession() noexcept = default;
  explicit operator bool() const noexcept { return core_ != nullptr; }

  /// For the library's own parts.
  explicit TlsSession(std::shared_ptr<const tls::SessionCore> core) noexcept : core_(std::move(core)) {}
  [[nodiscard]] const std::shared_ptr<const tls::SessionCore>& core() const noexcept { return core_; }

 private:
  std::shared_ptr<const tls::SessionCore> core_;
};

// --- what can be asked about a connection ------------------------------------------------------------------

/// A certificate, read: get_extra_info("peercert").
struct TlsCertificate {
  /// As in RFC 2253: "CN=example.org,O=Example".
  std::string subject;
  std::string issuer;
  /// In hexadecimal digits.
  std::string serial_number;
  std::chrono::system_clock::time_point not_before;
  std::chrono::system_clock::time_point not_after;
  /// Whom it is for: "example.org", "*.example.org"; and addresses as text.
  std::vector<std::string> dns_names;
  std::vector<std::string> ip_addresses;
  /// The whole of it (DER).
  std::vector<std::byte> der;
};

/// How bytes are encrypted: get_extra_info("cipher").
struct TlsCipher {
  /// "TLS_AES_256_GCM_SHA384".
  std::string name;
  /// The version of the protocol that defines it: "TLSv1.3".
  std::string protocol;
  /// Of its key.
  int secret_bits = 0;
};

/// The TLS side of a connection: get_extra_info("ssl_object"), which is a std::shared_ptr<const TlsObject>;
/// or `tls_object(transport)`. Stays true when the connection has ended, for as long as it is held.
///
/// Thread: that of the loop.
class TlsObject {
 public:
  virtual ~TlsObject() = default;

  /// The version in use: "TLSv1.3"; empty before the handshake.
  [[nodiscard]] virtual std::string version() const = 0;
  /// None before the handshake.
  [[nodiscard]] virtual std::optional<TlsCipher> cipher() const = 0;
  /// The protocol that was agreed on (ALPN); empty for none.
  [[nodiscard]] virtual std::string selected_alpn_protocol() const = 0;
  /// Client: whom it has asked for. Server: whom its client has asked for (SNI). Empty for nobody.
  [[nodiscard]] virtual std::string server_hostname() const = 0;
  /// Whether the handshake was cut short by an earlier session.
  [[nodiscard]] virtual bool session_reused() const = 0;
  /// For the next connection to this server. With TLS 1.3 it comes with the first data or soon after, so ask
  /// late; empty where there is none yet.
  [[nodiscard]] virtual TlsSession session() const = 0;
  /// The other end's certificate; none where it has shown none.
  [[nodiscard]] virtual std::optional<TlsCertificate> peer_certificate() const = 0;
  /// That and those that it sent along, in its order, not all of which need be trusted.
  [[nodiscard]] virtual std::vector<TlsCertificate> peer_chain() const = 0;
  /// What binds a login to this connection (RFC 9266, RFC 5929): "tls-exporter" or "tls-server-end-point".
  /// Throws std::invalid_argument for other kinds; empty where it is not to be had.
  [[nodiscard]] virtual std::vector<std::byte> channel_binding(std::string_view kind) const = 0;
  /// The context that it came from, or that an `sni_callback` chose.
  [[nodiscard]] virtual TlsContext context() const = 0;
};

/// The TLS side of a transport; null where it has none.
[[nodiscard]] std::shared_ptr<const TlsObject> tls_object(const BaseTransport& transport);

}  // namespace tidegate

template <>
struct std::is_error_code_enum<tidegate::TlsErrc> : std::true_type {};
