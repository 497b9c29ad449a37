// The reading side of a TLS connection: from ciphertext that has arrived to what the protocol is told.
//
// Nothing is read ahead: while the protocol does not want any, the transport below is paused as well, and
// what it had delivered already is parked as it came.
#include "base/log.hpp"
#include "tls/plaintext_scratch.hpp"
#include "tls/tls_transport.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace tidegate::tls {

void TlsTransport::data_received(BytesView ciphertext) {
  if (state_.is_ended()) return;
  if (!parked_.empty()) return park(ciphertext);  // behind what waits already
  take_input(ciphertext);
}

/// Does with the input what is to be done with it, and parks what has to wait. What is written meanwhile
/// leaves together.
void TlsTransport::take_input(BytesView ciphertext) {
  std::vector<std::byte> was_parked = std::exchange(parked_, {});
  const BytesView rest =
      use_input(was_parked.empty() ? ciphertext : BytesView(was_parked).drop(parked_from_));
  if (state_.is_lost()) return;
  if (!was_parked.empty() && !rest.empty()) {
    parked_from_ = was_parked.size() - rest.size();
    parked_ = std::move(was_parked);
  } else {
    parked_from_ = 0;
    park(rest);
  }
  const auto consumed = encrypt_buffered();
  after_sending();
  if (state_.is_closing()) continue_shutdown();
  if (!state_.is_lost()) hold_input_for_answers();
}

/// What is left of it. Nobody has it lent when this is over, also where that is for want of memory.
BytesView TlsTransport::use_input(BytesView ciphertext) {
  engine_->feed(ciphertext);
  delivering_ = true;
  try {
    if (phase_ == TlsPhase::handshake && !state_.is_lost()) advance_handshake();
    // Whoever waits for an upgrade gets the new transport before its protocol gets data.
    if (upgraded_ && phase_ == TlsPhase::open && !seen_by_owner_) {
      schedule();
    } else if (phase_ != TlsPhase::handshake && !state_.is_lost()) {
      deliver();
    }
  } catch (...) {
    delivering_ = false;
    static_cast<void>(engine_->take_rest());
    throw;
  }
  delivering_ = false;
  return engine_->take_rest();
}

void TlsTransport::deliver() {
  const std::size_t size_before = collected_.size();
  {
    const PlaintextScratch scratch;
    while (state_.is_reading() && !state_.eof_received() && deliver_some(scratch.memory())) {
    }
    if (state_.is_closing() && !state_.is_lost()) discard_input(scratch.memory());
  }
  // The protocol's own writes are encrypted elsewhere: this is what the engine had to answer.
  answered_bytes_ += static_cast<std::uint32_t>(collected_.size() - std::min(size_before, collected_.size()));
}

/// One piece for the protocol. False where there is none to be had.
bool TlsTransport::deliver_some(MutableBytesView scratch) {
  const bool buffered = protocol_.is_buffered();
  MutableBytesView memory = scratch;
  // Asking the engine costs as much as a small record, also where there is nothing.
  if (engine_->input_left() == 0 && !engine_->holds_plaintext()) return false;
  if (buffered) {
    memory = ask_for_buffer();
    // Replaced by one of the other kind from inside, which has not been asked yet.
    if (memory.empty()) return state_.is_reading() && !protocol_.is_buffered();
  }
  const Engine::ReadResult result = engine_->read(memory);
  switch (result.outcome) {
    case Engine::Outcome::wants_input:
      return false;
    case Engine::Outcome::closed:
      peer_has_ended();
      return false;
    case Engine::Outcome::failed:
      engine_has_failed();
      return false;
    case Engine::Outcome::done:
      break;
  }
  if (buffered) {
    call_protocol([&] { protocol_.buffered().buffer_updated(result.size_bytes); },
                  "Fatal error: protocol.buffer_updated() call failed.");
  } else {
    const BytesView bytes(memory.data(), result.size_bytes);
    call_protocol([&] { protocol_.plain().data_received(bytes); },
                  "Fatal error: protocol.data_received() call failed.");
  }
  return true;
}

/// Empty where nothing is to be received after all.
MutableBytesView TlsTransport::ask_for_buffer() {
  try {
    while (protocol_.is_buffered()) {
      BufferedProtocol& asked = protocol_.buffered();
      const MutableBytesView memory = asked.get_buffer(-1);
      if (!state_.is_reading()) return {};               // closed or paused from inside
      if (protocol_.shared().get() != &asked) continue;  // replaced from inside (L8)
      if (memory.empty()) throw std::runtime_error("get_buffer() returned an empty buffer");
      return memory;
    }
  } catch (...) {
    fail("Fatal error: protocol.get_buffer() call failed.", std::current_exception());
  }
  return {};
}

template <typename Call>
void TlsTransport::call_protocol(const Call& call, const char* failure) {
  try {
    call();
  } catch (...) {
    fail(failure, std::current_exception());
  }
}

/// After `close()`: only the peer's close_notify is of interest, and only so much is read to find it (T8).
void TlsTransport::discard_input(MutableBytesView scratch) {
  while (!engine_->peer_has_closed()) {
    const std::size_t left_before = engine_->input_left();
    const Engine::ReadResult result = engine_->read(scratch);
    discarded_bytes_ += static_cast<std::uint32_t>(left_before - engine_->input_left());
    if (result.outcome == Engine::Outcome::failed) return engine_has_failed();
    if (result.outcome != Engine::Outcome::done && discarded_bytes_ <= kMostDiscarded) return;
    if (discarded_bytes_ > kMostDiscarded) {
      below_->pause_reading();
      return;
    }
  }
}

/// Whether nothing follows what is read already.
bool TlsTransport::is_at_end() const noexcept {
  return engine_->peer_has_closed() || (below_eof_ && cut_is_end_);
}

/// Its close_notify: a regular end of file (T3), which waits until a file has left.
void TlsTransport::peer_has_ended() {
  if (state_.sends_file()) return;
  if (!state_.receive_eof()) return;
  bool keep_open = false;
  try {
    keep_open = protocol_.stream().eof_received();
  } catch (...) {
    return fail("Fatal error: protocol.eof_received() call failed.", std::current_exception());
  }
  if (state_.is_closing()) return;
  if (keep_open && dynamic_cast<transport::Layer*>(protocol_.shared().get()) == nullptr)
    base::log(LogLevel::warning, "returning true from eof_received() has no effect when using TLS");
  if (!state_.is_lost() && state_.begin_closing()) begin_shutdown();
}

/// What came is no TLS, or the peer says so of what it got. The alert that the engine has left goes first.
void TlsTransport::engine_has_failed() {
  if (!state_.lose()) return;
  timer_.cancel();
  reason_ = Error(engine_->failure());
  fail_file(reason_);
  end_below();
}

/// The transport below has come to its end: in order only where the peer has said so inside of TLS (T3).
bool TlsTransport::eof_received() {
  below_eof_ = true;
  if (state_.is_lost()) return false;
  if (phase_ == TlsPhase::handshake) {
    fail_handshake(std::make_exception_ptr(
        TlsError(TlsErrc::truncated, "the peer closed the connection during the TLS handshake")));
    return false;
  }
  const bool in_order = is_at_end();  // and perhaps a file is still on its way to it
  if (in_order && state_.wants_data()) peer_has_ended();
  if (!in_order && state_.begin_closing()) {
    reason_ = Error(std::make_exception_ptr(
        TlsError(TlsErrc::truncated, "the connection was cut without a close_notify: data may be missing")));
    begin_shutdown();
  } else if (state_.is_closing()) {
    continue_shutdown();
  }
  return true;  // what is to be sent may still arrive; we close it
}

// --- pausing -------------------------------------------------------------------------------------

void TlsTransport::pause_reading() {
  if (state_.is_lost()) return;
  core_.check_thread();
  if (state_.pause_reading()) below_->pause_reading();
}

void TlsTransport::resume_reading() {
  if (state_.is_lost()) return;
  core_.check_thread();
  if (state_.resume_reading()) schedule();
}

/// Keeps what can't be used yet; the transport below is silent meanwhile.
void TlsTransport::park(BytesView rest) {
  if (rest.empty()) return;
  parked_.insert(parked_.end(), rest.begin(), rest.end());
  if (below_) below_->pause_reading();
}

/// Takes up what is parked, and then whatever else there is.
void TlsTransport::go_on_reading() {
  if (holds_input_ || (state_.reading_paused() && !state_.is_closing())) return;
  if (!parked_.empty() || engine_->holds_plaintext()) take_input({});
  // It has waited for a file, or for whoever paused reading.
  if (is_at_end() && state_.wants_data()) peer_has_ended();
  const bool wanted = !state_.reading_paused() || state_.is_closing();
  if (!state_.is_lost() && parked_.empty() && wanted && !holds_input_ && discarded_bytes_ <= kMostDiscarded) {
    below_->resume_reading();
  }
}

/// A peer that makes the engine answer and never reads the answers is not listened to until it does (T7).
void TlsTransport::hold_input_for_answers() {
  if (answered_bytes_ == 0) return;
  const std::size_t waiting = below_->get_write_buffer_size();
  if (waiting == 0) answered_bytes_ = 0;
  if (holds_input_ || answered_bytes_ <= kMostAnswers || waiting <= kMostAnswers) return;
  holds_input_ = true;
  below_->pause_reading();
  set_marks_below();
}

}  // namespace tidegate::tls
