// TLS records made by hand: such as no TLS library would send. Knows no connection.
#pragma once

#include <tidegate/bytes.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

namespace tidegate::testing {

/// What a record says that it holds.
enum class RecordType : std::uint8_t {
  change_cipher_spec = 20,
  alert = 21,
  handshake = 22,
  application_data = 23,
};

enum class AlertLevel : std::uint8_t { warning = 1, fatal = 2 };

/// Those of the numbers that tests name.
enum class AlertKind : std::uint8_t {
  close_notify = 0,
  unexpected_message = 10,
  bad_record_mac = 20,
  record_overflow = 22,
  handshake_failure = 40,
  bad_certificate = 42,
  unsupported_certificate = 43,
  certificate_expired = 45,
  unknown_ca = 48,
  decode_error = 50,
  protocol_version = 70,
  internal_error = 80,
  user_canceled = 90,
  no_renegotiation = 100,
  certificate_required = 116,
  no_application_protocol = 120,
};

/// The two bytes of an alert.
[[nodiscard]] std::string alert(AlertLevel level, AlertKind kind);

/// A record that nothing protects, as at the beginning of a handshake. What it holds may be of any size; the
/// header says how much that is, as far as two bytes can.
[[nodiscard]] std::string plain_record(RecordType type, BytesView content);

/// Protects records of TLS 1.3 as one end of a connection would, with TLS_AES_128_GCM_SHA256: whatever is in
/// them, and however much.
class RecordSealer {
 public:
  /// `traffic_secret`: that end's, as a key log tells it (CLIENT_TRAFFIC_SECRET_0 ...), 32 bytes. It must not
  /// have sealed anything yet.
  explicit RecordSealer(const std::string& traffic_secret);

  /// `padding_bytes` zeros follow the content, as RFC 8446 has them.
  [[nodiscard]] std::string seal(RecordType type, BytesView content, std::size_t padding_bytes = 0);
  /// Goes on with the keys that follow a KeyUpdate that was sealed.
  void update_keys();

 private:
  void derive_keys();

  std::string secret_;
  std::string key_;
  std::string nonce_base_;
  std::uint64_t sequence_number_ = 0;
};

/// The same for TLS 1.2 with ECDHE-ECDSA-AES128-GCM-SHA256 (RFC 5246, RFC 5288).
class OldRecordSealer {
 public:
  /// `key` and `salt`: of the end that seals, 16 and 4 bytes of the connection's key block. Of what that end
  /// has sent under them so far, which is at least its Finished, there have been `records_sent`.
  OldRecordSealer(std::string key, std::string salt, std::uint64_t records_sent)
      : key_(std::move(key)), salt_(std::move(salt)), sequence_number_(records_sent) {}

  [[nodiscard]] std::string seal(RecordType type, BytesView content);

 private:
  std::string key_;
  std::string salt_;
  std::uint64_t sequence_number_;
};

/// The keys of a connection of that kind: what `OldRecordSealer` needs of either end.
struct OldKeys {
  std::string client_key;
  std::string server_key;
  std::string client_salt;
  std::string server_salt;
};
[[nodiscard]] OldKeys derive_old_keys(const std::string& master_secret, const std::string& client_random,
                                      const std::string& server_random);

/// The handshake message KeyUpdate, which asks the other end to update its keys too, or does not.
[[nodiscard]] std::string key_update_message(bool requested);

}  // namespace tidegate::testing
