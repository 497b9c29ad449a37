// The other end of a TLS connection: a RawPeer that speaks TLS by itself, and misbehaves when told to. Knows
// nothing of the library's TLS nor of its transports.
#pragma once

#include "support/raw_peer.hpp"
#include "support/tls_end.hpp"

#include <cstddef>
#include <memory>
#include <string>

namespace tidegate::testing {

/// A RawPeer whose members mean plaintext: `send_some` encrypts, `received` is decrypted, `shutdown_write`
/// says close_notify, `close` says it and closes, `saw_eof` is the other end's close_notify or end of file.
/// It does something only while one of its members runs: `receive` (and what calls it: `has`, `at_end`) also
/// goes on with the handshake and sends what is to be sent.
class TlsPeer final : public RawPeer {
 public:
  /// Takes over a connected socket. Nothing is sent yet.
  TlsPeer(OwnedFileDescriptor descriptor, const TlsEndOptions& options);

  // --- as it should be ---------------------------------------------------------------------------

  /// Before the handshake is over it is kept, and sent with the last of that. What the kernel refuses of a
  /// record that was begun counts as sent, and leaves when the next member runs.
  std::size_t send_some(BytesView bytes) override;
  std::size_t receive(std::size_t limit_bytes = std::numeric_limits<std::size_t>::max()) override;
  /// close_notify, and no end of file: TLS has none of its own.
  void shutdown_write() override;
  /// Reads what there is, so that the kernel does not answer it with a reset, says close_notify, and closes.
  void close() noexcept override;

  /// Goes on with it; whether it is over on this end.
  [[nodiscard]] bool handshake_is_over();
  /// Whether `saw_eof` came of a close_notify.
  [[nodiscard]] bool saw_close_notify() const noexcept { return tls_->saw_close_notify(); }
  /// Whether the end of file or an error has come from the kernel.
  [[nodiscard]] bool wire_has_ended() const noexcept { return wire_has_ended_ || error != 0; }
  /// What OpenSSL did not like; empty for nothing.
  [[nodiscard]] const std::string& failure() const noexcept { return tls_->failure(); }
  [[nodiscard]] TlsEnd& tls() noexcept { return *tls_; }

  // --- as it should not be -----------------------------------------------------------------------

  /// Sends so many bytes of ciphertext per turn at most, each turn a segment of its own; 0: all there are.
  void send_in_pieces(std::size_t piece_bytes);
  /// Keeps what its TLS has to say until this is called with false.
  void hold_back(bool held) noexcept { is_held_ = held; }
  /// Sends what is to be sent and not held back; whether all of that has left.
  bool flush();
  /// Takes out what is to be sent or held back: to be lost, cut or altered.
  [[nodiscard]] std::string take_outgoing();
  /// What `bytes` would be sent as, which it is not.
  [[nodiscard]] std::string seal(BytesView bytes);
  /// Sends these very bytes, after all that is to be sent.
  void send_as_is(BytesView bytes);
  /// Sends the end of file without a word.
  void end_wire() { RawPeer::shutdown_write(); }
  /// Closes without a word.
  void close_wire() noexcept { RawPeer::close(); }
  void update_keys(bool requested);
  void renegotiate();

 private:
  std::unique_ptr<TlsEnd> tls_;
  std::string outgoing_;
  std::string early_;  // plaintext
  std::size_t piece_bytes_ = 0;
  bool is_held_ = false;
};

}  // namespace tidegate::testing
