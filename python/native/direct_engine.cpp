// Straight to OpenSSL: see direct_engine.hpp.
#include "direct_engine.hpp"

#include "tls/openssl/openssl_errors.hpp"

#include <openssl/err.h>

namespace tidegate::python {

// --- what OpenSSL writes -----------------------------------------------------------------------------------

void DirectEngine::Outlet::open() {
  if (!waiting_.empty()) [[unlikely]] {
    sink_.put(waiting_);
    waiting_ = std::string();
  }
  is_open_ = true;
}

void DirectEngine::Outlet::put(BytesView ciphertext) {
  if (is_open_) {
    sink_.put(ciphertext);
  } else {
    waiting_.append(ciphertext.text());
  }
}

// --- ciphertext --------------------------------------------------------------------------------------------

DirectEngine::DirectEngine(const Terms& terms, tls::CiphertextSink& sink)
    : SslEngine(terms), outlet_(sink), bio_(outlet_), ssl_(terms.wrapped->ssl) {
  bio_.attach_to(ssl_);
}

void DirectEngine::feed(BytesView ciphertext) noexcept {
  bio_.feed(ciphertext);
  if (ssl_ != nullptr) buffers_.expect(ssl_, ciphertext.size());
}

BytesView DirectEngine::take_rest() noexcept {
  if (ssl_ != nullptr) buffers_.release(ssl_);
  return bio_.take_rest();
}

/// Nothing has to be moved, and a record's call begins by itself.
SslEngine::Outcome DirectEngine::take_in(bool everything) {
  return everything ? begin_call() : Outcome::done;
}

SslEngine::Outcome DirectEngine::put_out() {
  return bio_.failure() != nullptr ? fail(bio_.failure()) : Outcome::done;
}

// --- plaintext ---------------------------------------------------------------------------------------------

void DirectEngine::begin_records() { calls_methods_ = looks_at_records(); }

/// So that what is found afterwards speaks of the call that follows.
SslEngine::Outcome DirectEngine::begin_call() {
  bio_.forget_running_dry();
  tls::forget_errors();
  try {
    outlet_.open();
  } catch (...) {
    return fail(std::current_exception());
  }
  return Outcome::done;
}

/// Why OpenSSL has not done what it was asked to. Nothing where Python has to say it, which is asked to do
/// the same: OpenSSL refuses a connection that has failed, and its errors are where it has left them.
std::optional<SslEngine::Outcome> DirectEngine::plain_reason() {
  if (bio_.failure() != nullptr) return fail(bio_.failure());
  if (bio_.ran_dry()) return Outcome::wants_input;
  return std::nullopt;
}

SslEngine::Outcome DirectEngine::read_record(MutableBytesView memory, std::size_t& size_bytes) {
  if (const Outcome begun = begin_call(); begun != Outcome::done) return begun;
  if (calls_methods_) return SslEngine::read_record(memory, size_bytes);
  if (SSL_read_ex(ssl_, memory.data(), memory.size(), &size_bytes) == 1) return Outcome::done;
  size_bytes = 0;
  if (const auto reason = plain_reason()) return *reason;
  if ((SSL_get_shutdown(ssl_) & SSL_RECEIVED_SHUTDOWN) != 0 && ERR_peek_error() == 0) return peer_closes();
  return SslEngine::read_record(memory, size_bytes);
}

bool DirectEngine::look_for_more(bool in_record) { return in_record && SSL_pending(ssl_) > 0; }

SslEngine::Outcome DirectEngine::write_record(BytesView plaintext, std::size_t& size_bytes) {
  if (const Outcome begun = begin_call(); begun != Outcome::done) return begun;
  if (calls_methods_) return SslEngine::write_record(plaintext, size_bytes);
  if (SSL_write_ex(ssl_, plaintext.data(), plaintext.size(), &size_bytes) == 1) return Outcome::done;
  size_bytes = 0;
  if (const auto reason = plain_reason()) return *reason;
  return SslEngine::write_record(plaintext, size_bytes);
}

// --- the end -----------------------------------------------------------------------------------------------

SslEngine::Outcome DirectEngine::shut_down() {
  if (const Outcome begun = begin_call(); begun != Outcome::done) return begun;
  if (SSL_in_init(ssl_) == 1) {
    // In the middle of a message of the peer's, of which there is more; or a message of ours is due: the
    // program has asked for the client's certificate.
    if (bio_.input_left() > 0) return Outcome::wants_input;
    if (SSL_do_handshake(ssl_) != 1) {
      const auto reason = plain_reason();
      return reason ? *reason : SslEngine::shut_down();
    }
  }
  if (calls_methods_) return SslEngine::shut_down();
  // 0: said, and not answered yet. It is never called again, so it never reads.
  if (const int said = SSL_shutdown(ssl_); said >= 0) return said == 1 ? peer_closes() : Outcome::done;
  if (const auto reason = plain_reason()) return *reason;
  return SslEngine::shut_down();
}

void DirectEngine::clear() noexcept {
  SslEngine::clear();
  ssl_ = nullptr;
}

}  // namespace tidegate::python
