#include "party.hpp"

#include <cstdint>
#include <stdexcept>
#include <utility>

namespace tidegate::fuzz {

// --- our engine --------------------------------------------------------------------------------------------

void EngineParty::take(BytesView ciphertext) {
  engine_.take(ciphertext);
  if (engine_.handshake() != CheckedEngine::Outcome::done || !reads_) return;
  while (engine_.read(room_bytes_) == CheckedEngine::Outcome::done) {
  }
}

std::string EngineParty::give() { return std::exchange(engine_.said, {}); }

bool EngineParty::write(BytesView plaintext) {
  return engine_.may_write() && engine_.write(plaintext) == CheckedEngine::Outcome::done;
}

bool EngineParty::peer_has_closed() const noexcept {
  // One in the handshake is anybody's, and a failure.
  return engine_.peer_has_closed() && !engine_.has_failed();
}

// --- OpenSSL by itself -------------------------------------------------------------------------------------

void OpenSslParty::take(BytesView ciphertext) {
  end_.take(ciphertext);
  // Without room only the handshake goes on.
  (void)end_.read(heard_, reads_ || !end_.handshake_is_over() ? SIZE_MAX : 0);
}

bool OpenSslParty::write(BytesView plaintext) {
  // In the middle of a message of the connection's own it could not write either.
  if (!end_.handshake_is_over() || has_closed_ || has_failed()) return false;
  end_.write(plaintext);
  return !has_failed();
}

void OpenSslParty::close() {
  if (!end_.handshake_is_over() || has_closed_ || has_failed()) return;
  has_closed_ = true;
  end_.close();
}

void OpenSslParty::update_keys(bool requested) {
  if (!end_.handshake_is_over() || has_closed_ || has_failed()) return;
  try {
    end_.update_keys(requested);
  } catch (const std::runtime_error&) {
    // TLS 1.2 has none.
  }
}

bool OpenSslParty::peer_has_closed() const noexcept {
  return end_.handshake_is_over() && end_.saw_close_notify();
}

}  // namespace tidegate::fuzz
