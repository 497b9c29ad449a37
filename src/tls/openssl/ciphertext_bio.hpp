// OpenSSL's way to our ciphertext: it reads out of the memory that an engine was lent, and writes into the
// engine's sink, with nothing in between. Knows no TLS.
#pragma once

#include <tidegate/bytes.hpp>

#include "tls/engine.hpp"
#include "tls/openssl/handles.hpp"

#include <cstddef>
#include <exception>
#include <string>

namespace tidegate::tls {

/// Thread: one at a time. Never moves: OpenSSL refers to it.
class CiphertextBio {
 public:
  /// `sink`: Lifetime: outlives every use. Throws std::bad_alloc.
  explicit CiphertextBio(CiphertextSink& sink);
  CiphertextBio(const CiphertextBio&) = delete;
  CiphertextBio& operator=(const CiphertextBio&) = delete;
  ~CiphertextBio();

  /// Has `ssl` read and write here. It may outlive this: then there is nothing to read, and what it writes is
  /// lost.
  void attach_to(SSL* ssl) noexcept;

  void feed(BytesView ciphertext) noexcept;
  [[nodiscard]] std::size_t input_left() const noexcept { return input_.size(); }
  [[nodiscard]] BytesView take_rest() noexcept;

  /// Copies what is read from now on, so that it can be read once more.
  void keep_input() noexcept { keeps_input_ = true; }
  /// What was kept comes again, before everything else; nothing more is kept.
  void repeat_kept_input() noexcept { keeps_input_ = false; }
  /// Nothing more is kept, and what was is thrown away.
  void drop_kept_input() noexcept {
    keeps_input_ = false;
    kept_ = std::string();
  }

  /// Whether somebody has read in vain since `forget_running_dry`. What OpenSSL itself says (SSL_want) is
  /// "wants to read" also after a fatal alert in the middle of a message.
  [[nodiscard]] bool ran_dry() const noexcept { return ran_dry_; }
  void forget_running_dry() noexcept { ran_dry_ = false; }
  /// How often something was written.
  [[nodiscard]] std::size_t writes() const noexcept { return writes_; }
  /// What the sink, or keeping what was read, has thrown; null for nothing.
  [[nodiscard]] const std::exception_ptr& failure() const noexcept { return failure_; }

 private:
  struct Calls;

  std::size_t read(MutableBytesView memory);
  std::size_t read_again(MutableBytesView memory) noexcept;

  CiphertextSink& sink_;
  BioHandle bio_;
  BytesView input_;
  std::size_t writes_ = 0;
  std::exception_ptr failure_;

  bool ran_dry_ = false;
  bool keeps_input_ = false;
  /// What was read while `keeps_input_`; afterwards it is there until it has been read again.
  std::string kept_;
  std::size_t repeated_ = 0;
};

}  // namespace tidegate::tls
