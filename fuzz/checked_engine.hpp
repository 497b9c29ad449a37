// An engine each of whose calls is held to what `tls::Engine` promises about it. Knows nothing of the peer.
#pragma once

#include <tidegate/bytes.hpp>
#include <tidegate/tls.hpp>

#include "tls/context_core.hpp"
#include "tls/engine.hpp"

#include <cstddef>
#include <exception>
#include <memory>
#include <string>
#include <vector>

namespace tidegate::fuzz {

/// What breaks a promise ends the process (`require`).
class CheckedEngine final : private tls::CiphertextSink {
 public:
  using Outcome = tls::Engine::Outcome;

  /// `server_hostname`: client: whom the server has to be.
  CheckedEngine(const TlsContext& context, const std::string& server_hostname);
  CheckedEngine(const CheckedEngine&) = delete;
  CheckedEngine& operator=(const CheckedEngine&) = delete;
  ~CheckedEngine() = default;

  // --- the calls -----------------------------------------------------------------------------------

  /// Lends `ciphertext`, behind what is not used up of what was lent before.
  void take(BytesView ciphertext);
  /// Takes back what is not used up, and lends it again from somewhere else.
  void move_rest() { take({}); }
  Outcome handshake();
  /// Appends what is read, `room_bytes` (more than 0) of it at most, to `heard`. REQUIRES: `may_read`.
  Outcome read(std::size_t room_bytes);
  /// Whether that was all of it. REQUIRES: `may_write`.
  Outcome write(BytesView plaintext);
  void close();
  /// Asks all that can be asked about a connection.
  void ask_everything() const;

  // --- what is true by now -------------------------------------------------------------------------

  [[nodiscard]] bool may_read() const noexcept { return engine_->handshake_is_over(); }
  [[nodiscard]] bool may_write() const noexcept { return engine_->handshake_is_over() && !has_closed_; }
  /// Whether `close` came when there was something to close.
  [[nodiscard]] bool has_closed() const noexcept { return has_closed_; }
  [[nodiscard]] bool peer_has_closed() const noexcept { return engine_->peer_has_closed(); }
  [[nodiscard]] bool has_failed() const noexcept { return engine_->failure() != nullptr; }
  [[nodiscard]] std::string failure_text() const { return describe(engine_->failure()); }

  /// What it has said, and nobody has taken.
  std::string said;
  /// All that it has read.
  std::string heard;
  /// Has no memory for what the engine says next.
  bool sink_throws = false;

 private:
  /// What may change in a call, as it was before.
  struct Before {
    std::size_t times_said;
    std::size_t times_thrown;
    std::size_t input_left;
    std::exception_ptr failure;
    bool handshake_is_over;
    bool peer_has_closed;
  };

  void put(BytesView ciphertext) override;
  [[nodiscard]] Before before_call() const noexcept;
  /// What holds for every call.
  void check_after(const Before& before) const;
  /// And for those that have an outcome.
  void check_after(const Before& before, Outcome outcome) const;
  void check_failure() const;

  /// In memory of its own and no larger than it has to be, so that a sanitizer sees who reads beyond it.
  std::unique_ptr<const std::vector<std::byte>> lent_ = std::make_unique<std::vector<std::byte>>();
  std::shared_ptr<tls::Engine> engine_;
  std::size_t times_said_ = 0;
  std::size_t times_thrown_ = 0;
  std::size_t written_bytes_ = 0;
  bool has_closed_ = false;
};

}  // namespace tidegate::fuzz
