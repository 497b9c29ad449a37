// Two TLS engines in one memory, each the other's peer, with everything between them in the test's hands.
#pragma once

#include <tidegate/tls.hpp>

#include "tls/context_core.hpp"
#include "tls/engine.hpp"

#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace tidegate::testing {

/// One engine with what it has said and heard.
class EngineEnd final : private tls::CiphertextSink {
 public:
  using Outcome = tls::Engine::Outcome;

  EngineEnd(const TlsContext& context, const tls::EngineTerms& terms);
  EngineEnd(const EngineEnd&) = delete;
  EngineEnd& operator=(const EngineEnd&) = delete;
  ~EngineEnd() = default;

  [[nodiscard]] tls::Engine& engine() noexcept { return *engine_; }
  [[nodiscard]] const tls::Engine& engine() const noexcept { return *engine_; }
  [[nodiscard]] std::shared_ptr<const TlsObject> object() const noexcept { return engine_; }

  /// Feeds `ciphertext` and goes on as far as that allows: with the handshake, then with reading, into
  /// `heard`.
  void take(BytesView ciphertext);
  /// Goes on without input.
  void go_on();
  /// What the engine came to last.
  [[nodiscard]] Outcome outcome() const noexcept { return outcome_; }

  Outcome write(BytesView plaintext) { return engine_->write(plaintext); }

  /// Plaintext that has come in and was not taken.
  std::string heard;
  /// Ciphertext that has not reached the peer.
  std::string said;
  /// How many bytes `read` is given room for.
  std::size_t read_bytes = 65536;
  /// Thrown by the sink, where it is something.
  std::exception_ptr sink_failure;
  /// What the engine has reported.
  std::vector<std::string> reports;

 private:
  void put(BytesView ciphertext) override;
  void read();

  std::shared_ptr<tls::Engine> engine_;
  Outcome outcome_ = Outcome::wants_input;
};

/// What a server and a client need for each other: the usual certificate, and trust in who has signed it.
[[nodiscard]] TlsOptions server_options();
[[nodiscard]] TlsOptions client_options();
/// `options` for one version only.
[[nodiscard]] TlsOptions only(TlsVersion version, TlsOptions options);

/// A client and a server.
class EnginePair {
 public:
  EnginePair(const TlsContext& client_context, const TlsContext& server_context,
             const tls::EngineTerms& client_terms = {.server_hostname = "localhost"});
  /// Of contexts made for it.
  explicit EnginePair(const TlsOptions& client = client_options(),
                      const TlsOptions& server = server_options());

  /// Carries ciphertext both ways until neither end says anything more. True where both handshakes are over
  /// and nothing has failed.
  bool shake_hands();
  /// The same, for what comes after a handshake.
  void exchange();

  /// How many bytes of ciphertext are carried at a time.
  std::size_t piece_bytes = 1U << 20U;

  EngineEnd client;
  EngineEnd server;

 private:
  bool carry(EngineEnd& from, EngineEnd& to) const;
};

}  // namespace tidegate::testing
