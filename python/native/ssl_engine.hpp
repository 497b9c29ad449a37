// A TLS engine over an `ssl.SSLObject`: whatever a program has done to its `ssl.SSLContext` holds, for the
// module `ssl` makes the connection and says what its failures are. Knows no asyncio and no transports.
//
// How ciphertext comes to OpenSSL and from it is for the two kinds to say: through the module's own
// MemoryBIOs (memory_bio_engine.hpp), or directly (direct_engine.hpp).
#pragma once

#include "python.hpp"
#include "ssl_wrapping.hpp"
#include "tls/context_core.hpp"
#include "tls/engine.hpp"

#include <exception>
#include <functional>
#include <memory>
#include <string>

namespace tidegate::python {

/// Thread: one at a time, with the interpreter's lock held.
class SslEngine : public tls::Engine {
 public:
  /// All borrowed.
  struct Terms {
    const WrappedTls* wrapped = nullptr;
    /// A dictionary: gets what is known of the connection when the handshake is over.
    PyObject* extra = nullptr;
    /// Called where Python's error is for the program itself (KeyboardInterrupt): takes it.
    std::function<void()> interrupt = {};
  };

  /// Of the kind that is possible. Throws PythonError for an object that is not as CPython's own.
  static std::shared_ptr<SslEngine> make(const Terms& terms, tls::CiphertextSink& sink);

  SslEngine(const SslEngine&) = delete;
  SslEngine& operator=(const SslEngine&) = delete;
  ~SslEngine() override = default;

  [[nodiscard]] Outcome handshake() final;
  [[nodiscard]] bool handshake_is_over() const noexcept final { return handshake_is_over_; }

  [[nodiscard]] ReadResult read(MutableBytesView memory) final;
  [[nodiscard]] bool holds_plaintext() const noexcept final { return holds_more_ || owes_end_; }
  [[nodiscard]] Outcome write(BytesView plaintext) final;
  [[nodiscard]] std::size_t unencrypted() const noexcept final { return unencrypted_.size(); }

  void close() final;
  [[nodiscard]] bool peer_has_closed() const noexcept final { return peer_has_closed_; }
  [[nodiscard]] std::exception_ptr failure() const noexcept final { return failure_; }

  // --- for the collector ---------------------------------------------------------------------------

  virtual int traverse(visitproc visit, void* arg) const;
  virtual void clear() noexcept;

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

 protected:
  explicit SslEngine(const Terms& terms);

  // --- what the kinds say --------------------------------------------------------------------------

  /// The handshake is over.
  virtual void begin_records() {}
  /// A member has done its work, or has thrown.
  virtual void end_turn() noexcept {}
  /// Before OpenSSL is called: it gets to what has arrived, all of it (`everything`) or as much as the next
  /// records may be made of.
  [[nodiscard]] virtual Outcome take_in(bool everything) = 0;
  /// Afterwards: what it had to say is with the sink.
  [[nodiscard]] virtual Outcome put_out() = 0;
  /// Whether the next read may come upon something that was taken in: behind a record of which there is more
  /// (`in_record`), or else in any case.
  [[nodiscard]] virtual bool look_for_more(bool in_record) = 0;
  /// One record, or what there is room for of it.
  [[nodiscard]] virtual Outcome read_record(MutableBytesView memory, std::size_t& size_bytes);
  /// One record, or all if that is less: `size_bytes` of `plaintext` are taken.
  [[nodiscard]] virtual Outcome write_record(BytesView plaintext, std::size_t& size_bytes);
  /// Says close_notify. wants_input: not before something was read.
  [[nodiscard]] virtual Outcome shut_down();

  // --- for the kinds -------------------------------------------------------------------------------

  /// A method of the object inside of the SSLObject. Throws PythonError where it has none.
  [[nodiscard]] Owned method_of_inside(PyObject* name) const;
  /// Whether a callback of the program's looks at every record (SSLContext._msg_callback).
  [[nodiscard]] bool looks_at_records();
  /// The peer has said its close_notify.
  Outcome peer_closes() noexcept;
  /// Python has raised what can only be a failure.
  Outcome fail();
  Outcome fail(std::exception_ptr failure) noexcept;

 private:
  /// What a member does.
  class Turn {
   public:
    explicit Turn(SslEngine& engine) noexcept : engine_(engine) {}
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn() { engine_.end_turn(); }

   private:
    SslEngine& engine_;
  };

  [[nodiscard]] bool may_take_in_more(Outcome outcome) const noexcept {
    return input_left() > 0 && (outcome == Outcome::done || outcome == Outcome::wants_input);
  }
  [[nodiscard]] Outcome encrypt(BytesView& plaintext);
  void catch_up();
  void say_close_notify();
  /// What Python has raised.
  [[nodiscard]] Outcome why_not();

  std::function<void()> interrupt_;
  Owned ssl_object_;
  Owned extra_;
  // Methods, looked up once: of the object inside of the SSLObject, which only passes them on.
  Owned do_handshake_;
  Owned read_;
  Owned write_;
  Owned shutdown_;
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
    engine_ = SslEngine::make(terms_, sink);
    return engine_;
  }
  /// The one that it has made.
  [[nodiscard]] const std::shared_ptr<SslEngine>& engine() const noexcept { return engine_; }

 private:
  SslEngine::Terms terms_;
  mutable std::shared_ptr<SslEngine> engine_;
};

}  // namespace tidegate::python
