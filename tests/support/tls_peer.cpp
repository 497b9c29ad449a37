// A TlsEnd on a socket: see tls_peer.hpp.
#include "support/tls_peer.hpp"

#include <algorithm>
#include <utility>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace tidegate::testing {

namespace {

constexpr std::size_t kRecordBytes = 16384;

}  // namespace

TlsPeer::TlsPeer(OwnedFileDescriptor descriptor, const TlsEndOptions& options)
    : RawPeer(std::move(descriptor)), tls_(std::make_unique<TlsEnd>(options)) {}

bool TlsPeer::flush() {
  if (!early_.empty() && tls_->handshake_is_over()) tls_->write(std::exchange(early_, {}));
  if (!is_held_) outgoing_ += tls_->give();
  const std::size_t limit = piece_bytes_ == 0 ? outgoing_.size() : piece_bytes_;
  outgoing_.erase(0, put_on_wire(std::string_view(outgoing_).substr(0, limit)));
  return outgoing_.empty();
}

std::size_t TlsPeer::send_some(BytesView bytes) {
  if (!handshake_is_over()) {
    early_ += bytes.text();
    return bytes.size();
  }
  if (!flush()) return 0;
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    const BytesView rest = bytes.drop(sent);
    const BytesView piece = rest.first(std::min(rest.size(), kRecordBytes));
    tls_->write(piece);
    sent += piece.size();
    if (!flush()) break;
  }
  return sent;
}

std::size_t TlsPeer::receive(std::size_t limit_bytes) {
  flush();
  std::size_t total = tls_->read(received, limit_bytes);
  while (total < limit_bytes) {
    std::string ciphertext;
    // A little at a time, so that what is not asked for stays with the kernel.
    if (take_from_wire(ciphertext, std::min(limit_bytes - total, kRecordBytes)) == 0) break;
    tls_->take(ciphertext);
    total += tls_->read(received, limit_bytes - total);
  }
  flush();
  saw_eof = wire_has_ended_ || tls_->saw_close_notify();
  return total;
}

bool TlsPeer::handshake_is_over() {
  if (!tls_->handshake_is_over()) receive();
  return tls_->handshake_is_over();
}

void TlsPeer::shutdown_write() {
  tls_->close();
  flush();
}

void TlsPeer::close() noexcept {
  if (!is_open()) return;
  receive();
  shutdown_write();
  RawPeer::close();
}

void TlsPeer::send_in_pieces(std::size_t piece_bytes) {
  piece_bytes_ = piece_bytes;
  // A Unix socket has no such option, and joins nothing either while the other end keeps up: ignored.
  const int on = 1;
  ::setsockopt(descriptor().number, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

std::string TlsPeer::take_outgoing() {
  outgoing_ += tls_->give();
  return std::exchange(outgoing_, {});
}

std::string TlsPeer::seal(BytesView bytes) {
  outgoing_ += tls_->give();
  tls_->write(bytes);
  return tls_->give();
}

void TlsPeer::send_as_is(BytesView bytes) {
  if (!is_held_) outgoing_ += tls_->give();
  outgoing_ += bytes.text();
  flush();
}

void TlsPeer::update_keys(bool requested) {
  tls_->update_keys(requested);
  flush();
}

void TlsPeer::renegotiate() {
  tls_->renegotiate();
  flush();
}

}  // namespace tidegate::testing
