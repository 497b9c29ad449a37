// Python's TLS with OpenSSL reading what has arrived where it lies, and writing to the sink, with nothing in
// between: possible where the module `ssl` uses the very libssl that we are linked with.
//
// The module stays in charge: it makes the connection, does the handshake, and says what failures are. What
// is read and written after that does not pass through its methods, unless a callback of the program's looks
// at every record: that may raise, and only the methods tell.
#pragma once

#include "ssl_engine.hpp"
#include "tls/openssl/ciphertext_bio.hpp"
#include "tls/openssl/record_buffers.hpp"

#include <cstddef>
#include <optional>
#include <string>

namespace tidegate::python {

/// Thread: as SslEngine; the module lets go of the interpreter's lock while OpenSSL works for one of its
/// methods, and so comes to the BIO without it.
class DirectEngine final : public SslEngine {
 public:
  /// See SslEngine::make.
  DirectEngine(const Terms& terms, tls::CiphertextSink& sink);

  void feed(BytesView ciphertext) noexcept override;
  [[nodiscard]] std::size_t input_left() const noexcept override { return bio_.input_left(); }
  BytesView take_rest() noexcept override;

  void clear() noexcept override;

 private:
  /// To the sink while the engine is at work. A program can make the SSLObject say something itself, at any
  /// time, even where the transport is gone: that waits until the engine is.
  class Outlet final : public tls::CiphertextSink {
   public:
    explicit Outlet(tls::CiphertextSink& sink) : sink_(sink) {}

    void open();
    void close() noexcept { is_open_ = false; }
    void put(BytesView ciphertext) override;

   private:
    tls::CiphertextSink& sink_;
    std::string waiting_;
    bool is_open_ = false;
  };

  [[nodiscard]] Outcome take_in(bool everything) override;
  [[nodiscard]] Outcome put_out() override;
  void end_turn() noexcept override { outlet_.close(); }
  void begin_records() override;
  [[nodiscard]] bool look_for_more(bool in_record) override;
  [[nodiscard]] Outcome read_record(MutableBytesView memory, std::size_t& size_bytes) override;
  [[nodiscard]] Outcome write_record(BytesView plaintext, std::size_t& size_bytes) override;
  [[nodiscard]] Outcome shut_down() override;

  [[nodiscard]] Outcome begin_call();
  [[nodiscard]] std::optional<Outcome> plain_reason();

  Outlet outlet_;
  tls::CiphertextBio bio_;
  tls::RecordBuffers buffers_;
  SSL* ssl_;  // the SSLObject's, which SslEngine holds; null once it does not
  bool calls_methods_ = false;
};

}  // namespace tidegate::python
