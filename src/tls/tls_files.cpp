// What a TLS connection does for a file: its bytes pass through the engine, piece by piece.
#include "tls/tls_transport.hpp"

#include <utility>

namespace tidegate::tls {

void TlsTransport::begin_file() {
  if (state_.sends_file()) throw InvalidStateError("unable to send a file; sendfile is in progress");
  if (is_closing()) throw InvalidStateError("sendfile() on a transport that is closing");
  core_.check_thread();
  if (file_ == nullptr) file_ = std::make_unique<transport::FileWait>();
  state_.begin_file();
}

void TlsTransport::end_file() noexcept {
  file_->reset();
  if (!state_.sends_file()) return;  // the connection has ended before
  state_.end_file();
  schedule();  // the peer may have said meanwhile that it has nothing more to say
}

Future<void> TlsTransport::send_file(transport::FileToSend&) {
  throw NotSupportedError("a TLS connection has to encrypt what it sends");
}

Future<void> TlsTransport::wait_for_room_for_file() {
  Future<void> waiting = file_->begin(core_.loop());
  if (has_room_for_file()) file_->succeed();
  return waiting;
}

/// As a protocol would see it that is paused and resumed.
bool TlsTransport::has_room_for_file() const noexcept {
  const WriteBufferLimits limits = flow_.limits();
  return get_write_buffer_size() <= (flow_.paused() ? limits.low : limits.high);
}

void TlsTransport::write_of_file(transport::FileToSend& file, Chunk piece) {
  file_->check_connection();
  const std::size_t size_bytes = piece.size();
  plain_.append(std::move(piece));
  file.move_on(size_bytes);
  offer_what_is_over();
  file_->check_connection();
}

/// The connection ends, and with it the time of a file.
void TlsTransport::fail_file(const Error& reason) {
  if (!state_.sends_file()) return;
  state_.end_file();
  file_->connection_ends(reason);
}

}  // namespace tidegate::tls
