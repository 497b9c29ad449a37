// What a stream transport does for a file: when one may be sent, and what that changes for everybody else.
#include "transport/file_sending.hpp"
#include "transport/stream_transport.hpp"

#include <utility>

namespace tidegate::transport {

void StreamTransport::begin_file() {
  if (!state_.writes()) throw NotSupportedError("sendfile() on a transport that only reads");
  if (state_.sends_file()) throw InvalidStateError("unable to send a file; sendfile is in progress");
  if (state_.is_closing()) throw InvalidStateError("sendfile() on a transport that is closing");
  if (state_.eof_requested()) throw InvalidStateError("Cannot call sendfile() after write_eof()");
  core_.check_thread();
  if (seldom().file == nullptr) seldom().file = std::make_unique<FileSending>(*this);
  state_.begin_file();
}

Future<void> StreamTransport::send_file(FileToSend& file) { return seldom().file->send(file); }

Future<void> StreamTransport::wait_for_room_for_file() { return seldom().file->wait_for_room(); }

void StreamTransport::write_of_file(FileToSend& file, Chunk piece) {
  seldom().file->check();
  const std::size_t size_bytes = piece.size();
  buffer_.append(std::move(piece));
  file.move_on(size_bytes);
  const bool at_once = offers_at_once(0);
  if (at_once) send_at_once();
  after_append(at_once);
  seldom().file->check();
}

void StreamTransport::end_file() noexcept {
  seldom_->file->end();
  if (!state_.sends_file()) return;  // the connection has ended before
  state_.end_file();
  // An end of file that has come meanwhile was left in the socket, where it is received again.
  if (state_.wants_data()) start_receiving();
  if (!flow_.paused()) return;
  try {
    core_.flush_later(*this);  // a resume_writing may have waited
  } catch (...) {
    fail("Fatal error: no memory to be told of room", std::current_exception());
  }
}

/// The connection ends, and with it the time of a file.
void StreamTransport::fail_file(const Error& reason) {
  if (!state_.sends_file()) return;
  state_.end_file();
  seldom_->file->connection_ends(reason);
}

}  // namespace tidegate::transport
