// The writing side of a TLS connection: when plaintext is encrypted, and what the protocol is told about the
// rest.
//
// Several small writes become one record: they are collected until the delivery is over or the loop is about
// to block. What would go over the high-water mark is encrypted and offered to the kernel at once (F1). The
// transport below holds a bounded amount of ciphertext; what is over that waits as plaintext, owned chunks
// uncopied.
#include "base/log.hpp"
#include "tls/tls_transport.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include <sys/uio.h>

namespace tidegate::tls {

// --- what the user calls -------------------------------------------------------------------------

bool TlsTransport::accept_write(bool empty) {
  if (state_.sends_file()) throw InvalidStateError("unable to write; sendfile is in progress");
  if (empty) return false;
  if (is_closing()) {
    if (state_.ignore_write())
      base::log(LogLevel::warning, "write() on a TLS connection that is closing or lost");
    return false;
  }
  core_.check_thread();
  return true;
}

/// Whether plaintext may be turned into ciphertext now.
bool TlsTransport::may_encrypt() const noexcept {
  return phase_ != TlsPhase::handshake && !below_paused_ && !state_.is_lost();
}

void TlsTransport::write(BytesView data) {
  if (!accept_write(data.empty())) return;
  transport::WriteBuffer::Consumed consumed;  // let go of when all is settled: that runs code of the program
  if (data.size() >= kWorthARecord || get_write_buffer_size() + data.size() > flow_.limits().high) {
    consumed = encrypt_buffered();
    while (!data.empty() && plain_.empty() && may_encrypt()) {
      const BytesView part = data.first(kMostAtATime);
      if (!encrypt(part)) return;
      data = data.drop(part.size());
      hand_over();
    }
  }
  if (!data.empty()) plain_.append(data);
  after_append();
}

void TlsTransport::writelines(std::span<const BytesView> pieces) {
  bool empty = true;
  for (const BytesView piece : pieces) empty = empty && piece.empty();
  if (!accept_write(empty)) return;
  for (const BytesView piece : pieces) plain_.append(piece);
  offer_what_is_over();
}

void TlsTransport::write(Chunk chunk) {
  if (!accept_write(chunk.empty())) return;
  plain_.append(std::move(chunk));
  offer_what_is_over();
}

void TlsTransport::writelines(std::vector<Chunk> chunks) {
  bool empty = true;
  for (const Chunk& chunk : chunks) empty = empty && chunk.empty();
  if (!accept_write(empty)) return;
  for (Chunk& chunk : chunks) plain_.append(std::move(chunk));
  offer_what_is_over();
}

void TlsTransport::write_all_of(transport::WriteBuffer&& bytes) {
  if (!accept_write(bytes.empty())) return bytes.clear();
  plain_.append(std::move(bytes));
  offer_what_is_over();
}

/// Only what the kernel refuses may pause anybody (F1).
void TlsTransport::offer_what_is_over() {
  transport::WriteBuffer::Consumed consumed;  // as above
  if (get_write_buffer_size() > flow_.limits().high) consumed = encrypt_buffered();
  after_append();
}

void TlsTransport::write_eof() {
  throw NotSupportedError("write_eof() on a TLS connection: it can't be closed in one direction only");
}

void TlsTransport::set_write_buffer_limits(const WriteBufferLimitOptions& limits) {
  flow_.set_limits(limits.high, limits.low);
  if (state_.is_lost()) return;
  core_.check_thread();
  pause_protocol_if_over();
  if (below_) set_marks_below();
}

std::size_t TlsTransport::get_write_buffer_size() const noexcept {
  if (state_.is_lost() || !below_) return 0;
  return plain_.size() + engine_->unencrypted() + collected_.size() + below_->get_write_buffer_size();
}

/// What was written is with the transport below or buffered: sees to the latter.
void TlsTransport::after_append() {
  if (state_.is_lost()) return;
  if (!plain_.empty() && !delivering_ && may_encrypt() && !awaits_flush()) core_.flush_soon(*this);
  pause_protocol_if_over();
}

// --- to the transport below ----------------------------------------------------------------------

bool TlsTransport::encrypt(BytesView plaintext) {
  if (engine_->write(plaintext) == Engine::Outcome::done) return true;
  engine_has_failed();
  return false;
}

/// Encrypts what is buffered, for as long as the transport below takes it. What is returned is to be let go
/// of when all is settled.
transport::WriteBuffer::Consumed TlsTransport::encrypt_buffered() {
  transport::WriteBuffer::Consumed consumed;
  while (!plain_.empty() && may_encrypt()) {
    const std::size_t encrypted = encrypt_some();
    if (encrypted == 0) return consumed;
    consumed.append(plain_.consume(encrypted));
    if (collected_.size() >= kMostAtATime) hand_over();
  }
  hand_over();
  return consumed;
}

/// The first of what is buffered, small pieces joined to one record; 0 where that has failed.
std::size_t TlsTransport::encrypt_some() {
  std::array<iovec, 16> gathered;
  const auto pieces = std::span(gathered).first(plain_.gather(gathered));
  if (pieces.size() == 1 || pieces[0].iov_len >= kWorthARecord) {
    const BytesView part = BytesView(pieces[0].iov_base, pieces[0].iov_len).first(kMostAtATime);
    return encrypt(part) ? part.size() : 0;
  }
  std::array<std::byte, kRecordBytes> record;
  std::size_t size_bytes = 0;
  for (const iovec& piece : pieces) {
    if (piece.iov_len >= kWorthARecord || piece.iov_len > record.size() - size_bytes) break;
    std::memcpy(record.data() + size_bytes, piece.iov_base, piece.iov_len);
    size_bytes += piece.iov_len;
  }
  return encrypt({record.data(), size_bytes}) ? size_bytes : 0;
}

void TlsTransport::hand_over() {
  if (!collected_.empty()) below_->write_all_of(std::move(collected_));
}

/// Before the loop blocks.
void TlsTransport::flush() {
  if (state_.is_lost()) return;
  or_fail([this] {
    const auto consumed = encrypt_buffered();
    if (state_.is_lost()) return;
    below_->flush_written();
    after_sending();
  });
}

void TlsTransport::flush_written() {
  core_.forget_flush(*this);
  flush();
}

/// The transport below has drained.
void TlsTransport::resume_writing() {
  below_paused_ = false;
  if (!state_.is_lost()) or_fail([this] { go_on_writing(); });
}

void TlsTransport::go_on_writing() {
  if (holds_input_) {
    holds_input_ = false;
    answered_bytes_ = 0;
    schedule();
  }
  if (phase_ == TlsPhase::closed) return continue_shutdown();
  const auto consumed = encrypt_buffered();
  after_sending();
  if (!state_.is_lost()) set_marks_below();
}

/// The buffer has become smaller: tells the protocol, which can't write while a file is sent, and does what
/// waited for the buffer to be empty.
void TlsTransport::after_sending() {
  if (state_.is_lost() || phase_ == TlsPhase::handshake) return;
  const std::size_t size_bytes = get_write_buffer_size();
  const auto may_tell = [this] { return core_.may_tell_of_room(*this); };
  if (state_.sends_file()) {
    if (has_room_for_file()) file_->succeed();
  } else if (!is_closing() && flow_.resume_if_drained(size_bytes, may_tell)) {
    try {
      protocol_.stream().resume_writing();
    } catch (...) {
      report("protocol.resume_writing() failed", std::current_exception());
    }
    if (state_.is_lost()) return;
    set_marks_below();
  }
  if (flow_.paused()) set_marks_below();  // what is encrypted meanwhile matters to the next crossing
  if (phase_ == TlsPhase::flushing) continue_shutdown();
}

void TlsTransport::pause_protocol_if_over() {
  if (!flow_.pause_if_over(get_write_buffer_size())) return;
  set_marks_below();
  try {
    protocol_.stream().pause_writing();
  } catch (...) {
    report("protocol.pause_writing() failed", std::current_exception());
  }
}

/// The transport below tells of one crossing only: the one that matters next.
void TlsTransport::set_marks_below() {
  const WriteBufferLimits limits = flow_.limits();
  if (phase_ == TlsPhase::closed || holds_input_) {
    below_->set_write_buffer_limits({.high = 0, .low = 0});
  } else if (flow_.paused() && plain_.empty()) {
    below_->set_write_buffer_limits({.high = limits.low, .low = limits.low});
  } else {
    const std::size_t high = std::min(limits.high, kMostBelow);
    below_->set_write_buffer_limits({.high = high, .low = std::min(limits.low, high)});
  }
}

}  // namespace tidegate::tls
