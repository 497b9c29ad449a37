// A TLS engine over an `ssl.SSLObject`: whatever a program has done to its `ssl.SSLContext` holds, for the
// module `ssl` does the work. Knows no asyncio and no transports.
//
// The interpreter's libssl is not spoken to directly, even where it is the one that we are linked with: where
// in a PySSLContext its SSL_CTX lies is CPython's private matter, and nothing exports it.
#pragma once

#include "python.hpp"
#include "tls/context_core.hpp"
#include "tls/engine.hpp"

#include <exception>
#include <functional>
#include <memory>
#include <string>

namespace tidegate::python {

/// Thread: one at a time, with the interpreter's lock held.
class SslEngine final : public tls::Engine {
 public:
  /// All borrowed.
  struct Terms {
    /// What `SSLContext.wrap_bio` has made of the other two.
    PyObject* ssl_object = nullptr;
    PyObject* incoming = nullptr;
    PyObject* outgoing = nullptr;
    /// A dictionary: gets what is known of the connection when the handshake is over.
    PyObject* extra = nullptr;
    /// Called where Python's error is for the program itself (KeyboardInterrupt): takes it.
    std::function<void()> interrupt = {};
  };

  /// Throws PythonError for an object that is not as CPython's own.
  SslEngine(const Terms& terms, tls::CiphertextSink& sink);

  void feed(BytesView ciphertext) noexcept override { input_ = ciphertext; }
  [[nodiscard]] std::size_t input_left() const noexcept override { return input_.size(); }
  BytesView take_rest() noexcept override { return std::exchange(input_, BytesView()); }

  [[nodiscard]] Outcome handshake() override;
  [[nodiscard]] bool handshake_is_over() const noexcept override { return handshake_is_over_; }

  [[nodiscard]] ReadResult read(MutableBytesView memory) override;
  [[nodiscard]] bool holds_plaintext() const noexcept override { return holds_more_ || owes_end_; }
  [[nodiscard]] Outcome write(BytesView plaintext) override;
  [[nodiscard]] std::size_t unencrypted() const noexcept override { return unencrypted_.size(); }

  void close() override;
  [[nodiscard]] bool peer_has_closed() const noexcept override { return peer_has_closed_; }
  [[nodiscard]] std::exception_ptr failure() const noexcept override { return failure_; }

  // --- for the collector ---------------------------------------------------------------------------

  int traverse(visitproc visit, void* arg) const;
  void clear() noexcept;

  // --- TlsObject: what Python asks its SSLObject for -----------------------------------------------
  [[nodiscard]] std::string version() const override { return {}; }
  [[nodiscard]] std::optional<TlsCipher> cipher() const override { return {}; }
  [[nodiscard]] std::string selected_alpn_protocol() const override { return {}; }
  [[nodiscard]] std::string server_hostname() const override { return {}; }
  [[nodiscard]] bool session_reused() const override { return false; }
  [[nodiscard]] TlsSession session() const override { return {}; }
  [[nodiscard]] std::optional<TlsCertificate> peer_certificate() const override { return {}; }
  [[nodiscard]] std::vector<TlsCertificate> peer_chain() const override { return {}; }
  [[nodiscard]] std::vector<std::byte> channel_binding(std::string_view) const override { return {}; }
  [[nodiscard]] TlsContext context() const override { return {}; }

 private:
  [[nodiscard]] Outcome take_in(std::size_t most_bytes);
  [[nodiscard]] Outcome take_in_next();
  [[nodiscard]] bool may_take_in_more(Outcome outcome) const noexcept {
    return !input_.empty() && (outcome == Outcome::done || outcome == Outcome::wants_input);
  }
  [[nodiscard]] Outcome put_out();
  [[nodiscard]] Outcome read_record(MutableBytesView memory, std::size_t& size_bytes);
  [[nodiscard]] Outcome encrypt(BytesView& plaintext);
  [[nodiscard]] bool look_for_more(bool in_record);
  void catch_up();
  void say_close_notify();
  [[nodiscard]] Outcome why_not();
  [[nodiscard]] Outcome fail();

  tls::CiphertextSink& sink_;
  std::function<void()> interrupt_;
  Owned ssl_object_;
  Owned incoming_;
  Owned extra_;
  // Methods, looked up once: of the object inside of the SSLObject, which only passes them on.
  Owned do_handshake_;
  Owned read_;
  Owned write_;
  Owned pending_;
  Owned shutdown_;
  Owned take_in_;  // MemoryBIO.write
  Owned put_out_;  // MemoryBIO.read
  BytesView input_;
  std::size_t waiting_bytes_ = 0;  // taken in, and not read as far as is known
  std::string unencrypted_;
  std::exception_ptr failure_;
  bool handshake_is_over_ = false;
  bool peer_has_closed_ = false;
  bool has_closed_ = false;
  bool owes_close_notify_ = false;
  bool owes_end_ = false;    // a read came upon it behind what it gave
  bool holds_more_ = false;  // ciphertext or plaintext, of which the next read may make something
};

/// Stands for the context of one connection, whose SSLObject is made already.
class SslConnection final : public tls::ContextCore {
 public:
  /// What `terms` refer to stays until `make_engine` was called.
  explicit SslConnection(SslEngine::Terms terms) : terms_(std::move(terms)) {}

  [[nodiscard]] bool is_server() const noexcept override { return false; }
  [[nodiscard]] bool checks_hostname() const noexcept override { return false; }
  [[nodiscard]] std::shared_ptr<tls::Engine> make_engine(const tls::EngineTerms&,
                                                         tls::CiphertextSink& sink) const override {
    engine_ = std::make_shared<SslEngine>(terms_, sink);
    return engine_;
  }
  /// The one that it has made.
  [[nodiscard]] const std::shared_ptr<SslEngine>& engine() const noexcept { return engine_; }

 private:
  SslEngine::Terms terms_;
  mutable std::shared_ptr<SslEngine> engine_;
};

}  // namespace tidegate::python
