// The writing side of a stream transport: when bytes are offered to the kernel, and what the protocol is told
// about the rest.
//
// What the protocol writes while data is delivered to it is collected and is sent in one gathered call when
// it returns (or handed to the backend, which does it together with others'); what is written elsewhere,
// before the loop blocks (contract W6). Only what would go over the high-water mark is offered at once, for
// only what the kernel refuses may pause anybody (F1).
#include "base/log.hpp"
#include "net/socket_options.hpp"
#include "transport/stream_transport.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <utility>

namespace tidegate::transport {

namespace {

iovec piece_of(BytesView bytes) noexcept {
  return {.iov_base = const_cast<std::byte*>(bytes.data()),
          .iov_len = bytes.size()};  // iovec has no const; it is only read
}

std::size_t total_size(std::span<const BytesView> pieces) noexcept {
  std::size_t total = 0;
  for (const BytesView piece : pieces) total += piece.size();
  return total;
}

}  // namespace

// --- what the user calls -------------------------------------------------------------------------

/// Whether there is anything to be done with a write. Throws InvalidStateError after write_eof (W5) and while
/// a file is being sent (N1), NotSupportedError where there is no way to write.
bool StreamTransport::accept_write(bool empty) {
  if (!state_.writes()) throw NotSupportedError("write() on a transport that only reads");
  if (state_.eof_requested()) throw InvalidStateError("Cannot call write() after write_eof()");
  if (state_.sends_file()) throw InvalidStateError("unable to write; sendfile is in progress");
  if (empty || draining_) return false;  // while it drains, the protocol can't know what we know: no warning
  if (state_.ignores_writes()) {
    if (state_.ignore_write())
      base::log(LogLevel::warning, "write() on a transport whose connection was lost");
    return false;
  }
  core_.check_thread();
  return true;
}

/// The policy of when a write goes to the kernel at once rather than together with what may follow.
bool StreamTransport::offers_at_once(std::size_t size_bytes) const noexcept {
  return !core_.is_running() || buffer_.size() + size_bytes > flow_.limits().high;
}

void StreamTransport::write(BytesView data) {
  // An answer made of the bytes that are being delivered: sent from where they are, when the delivery is
  // over. Below the mark there is nobody to be paused. (The state comes first: the loop may have gone.)
  if (state_.writes_plainly() && core_.delivery.lends(this, data) && !data.empty() &&
      buffer_.size() + data.size() <= flow_.limits().high && !sending().in_flight() && buffer_.lend(data)) {
    return;
  }
  write_on_the_long_way(data);
}

void StreamTransport::write_on_the_long_way(BytesView data) {
  if (!accept_write(data.empty())) return;
  const bool at_once = offers_at_once(data.size());
  if (at_once) {
    offer({&data, 1});
  } else {
    buffer_.append(data);
  }
  after_append(at_once);
}

void StreamTransport::writelines(std::span<const BytesView> pieces) {
  const std::size_t size_bytes = total_size(pieces);
  if (!accept_write(size_bytes == 0)) return;
  const bool at_once = offers_at_once(size_bytes);
  if (at_once) {
    offer(pieces);
  } else {
    for (const BytesView piece : pieces) buffer_.append(piece);
  }
  after_append(at_once);
}

void StreamTransport::write(Chunk chunk) {
  if (!accept_write(chunk.empty())) return;
  buffer_.append(std::move(chunk));
  const bool at_once = offers_at_once(0);
  if (at_once) send_at_once();
  after_append(at_once);
}

void StreamTransport::writelines(std::vector<Chunk> chunks) {
  bool empty = true;
  for (const Chunk& chunk : chunks) empty = empty && chunk.empty();
  if (!accept_write(empty)) return;
  for (Chunk& chunk : chunks) buffer_.append(std::move(chunk));
  const bool at_once = offers_at_once(0);
  if (at_once) send_at_once();
  after_append(at_once);
}

void StreamTransport::write_all_of(WriteBuffer&& bytes) {
  if (!accept_write(bytes.empty())) return bytes.clear();
  buffer_.append(std::move(bytes));
  const bool at_once = offers_at_once(0);
  if (at_once) send_at_once();
  after_append(at_once);
}

void StreamTransport::flush_written() {
  core_.forget_flush(*this);
  if (!buffer_.empty()) flush();
}

/// What was written is either with the kernel or in the buffer: sees to the latter.
void StreamTransport::after_append(bool offered) {
  if (state_.is_lost() || draining_) return;
  if (!offered && !sending().in_flight() && core_.delivery.to != this) core_.flush_soon(*this);
  pause_protocol_if_over();
}

void StreamTransport::write_eof() {
  if (state_.is_lost()) return;
  if (!state_.writes()) throw NotSupportedError("write_eof() on a transport that only reads");
  if (state_.sends_file()) throw InvalidStateError("unable to write; sendfile is in progress");
  if (!state_.reads()) return close();  // of a pipe that is all there is to end (P3)
  core_.check_thread();
  if (state_.request_eof() && buffer_.empty()) send_eof();
}

void StreamTransport::set_write_buffer_limits(const WriteBufferLimitOptions& limits) {
  flow_.set_limits(limits.high, limits.low);
  if (state_.is_lost()) return;
  core_.check_thread();
  pause_protocol_if_over();
}

std::size_t StreamTransport::get_write_buffer_size() const noexcept {
  return state_.is_lost() ? 0 : buffer_.size();
}

// --- to the kernel -------------------------------------------------------------------------------

/// How many bytes a try_send has sent, none of them where the kernel is full; nothing where the connection is
/// broken, which has been seen to.
std::optional<std::size_t> StreamTransport::sent_or_failed(std::ptrdiff_t result) {
  if (result >= 0) return static_cast<std::size_t>(result);
  if (result == -EAGAIN || result == -EINTR) return 0;
  on_write_error(static_cast<int>(-result));
  return std::nullopt;
}

/// Sends what is buffered and then `pieces`, straight from the caller's memory; copies only what the kernel
/// refuses (W2, F1).
void StreamTransport::offer(std::span<const BytesView> pieces) {
  // Let go of at the very end: releasing a chunk runs code of the program, which may close or abort, and what
  // it writes goes behind these pieces.
  const WriteBuffer::Consumed concluded = conclude_sending();
  if (state_.is_lost() || draining_) return;
  std::array<iovec, kGatherPieces> gathered;
  std::size_t count = sending().in_flight() ? kGatherPieces : buffer_.gather(gathered);
  if (pieces.size() > kGatherPieces - count) {
    // The kernel is known to be full, or there are too many pieces for one call: they take the way through
    // the buffer.
    for (const BytesView piece : pieces) buffer_.append(piece);
    send_at_once();
    return;
  }
  for (const BytesView piece : pieces) {
    if (!piece.empty()) gathered[count++] = piece_of(piece);
  }
  const std::ptrdiff_t result = core_.backend().try_send(channel_, std::span(gathered).first(count));
  const std::optional<std::size_t> sent = sent_or_failed(result);
  if (!sent) return;
  std::size_t taken = *sent;
  const std::size_t taken_from_buffer = std::min(taken, buffer_.size());
  const WriteBuffer::Consumed consumed = buffer_.consume(taken_from_buffer);  // as above
  taken -= taken_from_buffer;
  for (const BytesView piece : pieces) {
    const std::size_t skipped = std::min(taken, piece.size());
    taken -= skipped;
    if (skipped < piece.size()) buffer_.append(piece.drop(skipped));
  }
  if (!buffer_.empty()) wait_for_room();
}

void StreamTransport::flush() {
  if (state_.is_lost() || draining_ || sending().in_flight()) return;
  const loop::LoopCore::CallbackTimer timer(core_);
  if (core_.is_running()) {
    send_buffered(
        [this](std::span<iovec> pieces) { return core_.backend().send(sending(), channel_, pieces); });
  } else {
    send_at_once();
  }
  after_sending();
}

/// The kernel has not taken all of the lent bytes, which go as soon as this returns.
void StreamTransport::lent_bytes_are_left(std::ptrdiff_t result) {
  const std::optional<std::size_t> sent = sent_or_failed(result);
  if (!sent) return;
  buffer_.consume(*sent);
  wait_for_room();
  after_sending();
}

/// Has the kernel say what it takes of the buffer before this returns.
void StreamTransport::send_at_once() {
  const WriteBuffer::Consumed concluded = conclude_sending();  // let go of when all is settled, see `offer`
  if (state_.is_lost() || draining_ || sending().in_flight()) return;
  send_buffered([this](std::span<iovec> pieces) { return core_.backend().try_send(channel_, pieces); });
}

/// Offers the buffer to the kernel by `send` until it is empty, under way, or the kernel is full.
template <typename Send>
void StreamTransport::send_buffered(const Send& send) {
  WriteBuffer::Consumed consumed;  // let go of when all is settled, see `offer`
  std::array<iovec, kGatherPieces> pieces;
  while (!buffer_.empty()) {
    const auto gathered = std::span(pieces).first(buffer_.gather(pieces));
    std::size_t offered = 0;
    for (const iovec& piece : gathered) offered += piece.iov_len;
    const std::ptrdiff_t result = send(gathered);
    if (result == kernel::Backend::kUnderWay) return;
    const std::optional<std::size_t> sent = sent_or_failed(result);
    if (!sent) return;
    consumed.append(buffer_.consume(*sent));
    if (*sent < offered) {
      wait_for_room();
      return;
    }
  }
}

/// What is under way the kernel may not even have been asked about, and before anybody is paused it is (F1).
/// What becomes possible by that, such as resume_writing, waits for the flush. What is returned is to be let
/// go of when all is settled.
WriteBuffer::Consumed StreamTransport::conclude_sending() {
  if (!sending().in_flight()) return {};
  const std::ptrdiff_t result = core_.backend().conclude(sending(), channel_);
  if (result == kernel::Backend::kUnderWay) return {};
  const std::optional<std::size_t> sent = sent_or_failed(result);
  if (!sent) return {};
  WriteBuffer::Consumed consumed = buffer_.consume(*sent);  // first: what was sent is sent
  core_.flush_later(*this);
  return consumed;
}

void StreamTransport::wait_for_room() {
  core_.forget_flush(*this);
  try {
    buffer_.keep();
  } catch (...) {
    fail("Fatal error: no memory for what waits to be sent", std::current_exception());
    return;
  }
  core_.backend().start(sending(), channel_);
}

void StreamSending::completed(int result) {
  auto& transport = static_cast<StreamTransport&>(*this);
  const loop::LoopCore::CallbackTimer timer(transport.core_);
  transport.sending_completed(result);
}

void StreamTransport::sending_completed(int result) {
  if (state_.is_lost() || result == -ECANCELED) {
    operation_ended();
    return;
  }
  const std::optional<std::size_t> sent = sent_or_failed(result);
  if (!sent) return;
  {
    const WriteBuffer::Consumed consumed = buffer_.consume(*sent);
    // Before anybody hears of it: what is written then goes behind what is here.
    if (!buffer_.empty()) wait_for_room();
  }
  after_sending();
}

/// The buffer has become smaller: tells the protocol, and does what waited for the buffer to be empty.
void StreamTransport::after_sending() {
  if (state_.is_lost() || draining_) return;
  // While a file is sent the protocol can't write, and would not be told again.
  const auto may_tell = [this] { return core_.may_tell_of_room(*this); };
  if (!state_.sends_file() && flow_.resume_if_drained(buffer_.size(), may_tell) && state_.opened()) {
    try {
      protocol_.stream().resume_writing();
    } catch (...) {
      report("protocol.resume_writing() failed", std::current_exception());
    }
  }
  if (state_.sends_file()) seldom_->file->buffer_has_drained();
  if (!buffer_.empty() || state_.is_lost() || draining_) return;
  if (state_.eof_requested()) send_eof();
  if (state_.is_closing()) lose(Error());
}

void StreamTransport::pause_protocol_if_over() {
  if (!flow_.pause_if_over(buffer_.size())) return;
  try {
    protocol_.stream().pause_writing();
  } catch (...) {
    report("protocol.pause_writing() failed", std::current_exception());
  }
}

void StreamTransport::send_eof() noexcept {
  // Fails only where the connection is broken, and then reading reports that with a better reason.
  if (state_.take_owed_eof()) static_cast<void>(net::shutdown_write(core_.backend().descriptor(channel_)));
}

/// The connection can't be written to any more. What the other end sent before that is still worth having: it
/// is delivered first, unless reading is paused, and then comes `connection_lost`.
void StreamTransport::on_write_error(int error) {
  Error reason(std::error_code(error, std::system_category()), state_.is_pipe() ? "write" : "send");
  const bool may_deliver = receiving().in_flight() && state_.wants_data();
  static_cast<void>(state_.begin_closing());
  fail_file(reason);
  core_.forget_flush(*this);
  if (!may_deliver) {
    lose(std::move(reason));
    return;
  }
  draining_ = true;
  keep_reason(std::move(reason));
  core_.backend().drain(receiving(), channel_);
  buffer_.clear();  // last: it runs code of the program, see `offer`
}

}  // namespace tidegate::transport
