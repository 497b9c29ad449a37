// The engine of a TLS connection: ciphertext in and out, plaintext in and out, and nothing else. Knows no
// sockets, no loop and no protocols; another TLS library can take OpenSSL's place behind it.
#pragma once

#include <tidegate/bytes.hpp>
#include <tidegate/chunk.hpp>
#include <tidegate/tls.hpp>

#include <cstddef>
#include <exception>

namespace tidegate::tls {

/// Where an engine puts the ciphertext that has to reach the peer.
class CiphertextSink {
 public:
  /// Takes a copy. Never calls the engine, nor the program. May throw std::bad_alloc: the engine fails then.
  virtual void put(BytesView ciphertext) = 0;
  /// The same of what comes with its owner: a sink that can keep it does so, and copies nothing.
  virtual void put_owned(Chunk ciphertext) { put(ciphertext.bytes()); }

 protected:
  ~CiphertextSink() = default;
};

/// One TLS connection without its transport.
///
/// What it is fed is lent: `feed` refers to memory that has to stay until it is used up or `take_rest` was
/// called. Everything that it has to say goes into the sink while a member is running, before that returns.
/// Once anything has failed, so does everything else, with the same failure.
///
/// Thread: one at a time.
class Engine : public TlsObject {
 public:
  /// What a call came to.
  enum class Outcome : unsigned char {
    /// It is done.
    done,
    /// There is not enough ciphertext.
    wants_input,
    /// The peer has sent its close_notify: nothing follows (read only).
    closed,
    /// See `failure`. An alert that says so to the peer is in the sink, where one is due.
    failed,
  };

  struct ReadResult {
    Outcome outcome = Outcome::done;
    /// With `done`: more than 0.
    std::size_t size_bytes = 0;
  };

  // --- ciphertext in -----------------------------------------------------------------------------

  /// Lends what the transport below has received. REQUIRES: what was lent before is used up.
  virtual void feed(BytesView ciphertext) noexcept = 0;
  /// How much of that is left.
  [[nodiscard]] virtual std::size_t input_left() const noexcept = 0;
  /// Takes back what is left, which has to be fed again, before anything that follows it.
  virtual BytesView take_rest() noexcept = 0;

  // --- the handshake -----------------------------------------------------------------------------

  /// Goes on with it as far as there is input: done, wants_input or failed. Called without input first, where
  /// it is the client's turn to speak.
  [[nodiscard]] virtual Outcome handshake() = 0;
  [[nodiscard]] virtual bool handshake_is_over() const noexcept = 0;

  // --- plaintext ---------------------------------------------------------------------------------

  /// Decrypts into `memory`, as many whole records as it has room for and one that it may have room for in
  /// part; the rest of that is kept. Plaintext comes before the end or the failure that follows it. REQUIRES:
  /// the handshake is over, `memory` is not empty.
  [[nodiscard]] virtual ReadResult read(MutableBytesView memory) = 0;
  /// Whether `read` has something to say without more input: plaintext of a record that did not fit, or an
  /// end or a failure that it came upon behind what it gave last.
  [[nodiscard]] virtual bool holds_plaintext() const noexcept = 0;
  /// Encrypts all of `plaintext`, in as few records as it takes: done or failed. REQUIRES: the handshake is
  /// over, `close` was not called.
  [[nodiscard]] virtual Outcome write(BytesView plaintext) = 0;
  /// How much of what was written waits here as plaintext: where the peer has sent a part of a message that
  /// the connection itself is told by (a session ticket, a new key), nothing can be encrypted before `read`
  /// has come upon the rest. Next to always 0; a peer that withholds the rest would have it grow without end.
  [[nodiscard]] virtual std::size_t unencrypted() const noexcept = 0;

  // --- the end -----------------------------------------------------------------------------------

  /// Says close_notify, once, behind everything that was written. Reading goes on. During a handshake, and
  /// after a failure: nothing.
  virtual void close() = 0;
  /// Whether the peer has said it.
  [[nodiscard]] virtual bool peer_has_closed() const noexcept = 0;
  /// Why it has failed: a TlsError, or std::bad_alloc. Null where it has not.
  [[nodiscard]] virtual std::exception_ptr failure() const noexcept = 0;
};

}  // namespace tidegate::tls
