// Who talks on a session that is tampered with: our engine, or OpenSSL by itself, which can also change its
// keys. They look the same from outside.
#pragma once

#include <tidegate/bytes.hpp>

#include "checked_engine.hpp"
#include "support/tls_end.hpp"

#include <cstddef>
#include <string>

namespace tidegate::fuzz {

class Party {
 public:
  Party() = default;
  Party(const Party&) = delete;
  Party& operator=(const Party&) = delete;
  virtual ~Party() = default;

  /// Ciphertext from the other, who may have none to say; goes on with the handshake and, if it `reads`, with
  /// reading.
  virtual void take(BytesView ciphertext) = 0;
  /// All that it has said since the last time.
  [[nodiscard]] virtual std::string give() = 0;
  /// Whether it could.
  virtual bool write(BytesView plaintext) = 0;
  virtual void close() = 0;
  /// Where that is to be had.
  virtual void update_keys(bool requested) = 0;

  [[nodiscard]] virtual const std::string& heard() const noexcept = 0;
  [[nodiscard]] virtual bool handshake_is_over() const noexcept = 0;
  /// Whether `close` came when there was something to close.
  [[nodiscard]] virtual bool has_closed() const noexcept = 0;
  /// Whether it was told, by who has the keys.
  [[nodiscard]] virtual bool peer_has_closed() const noexcept = 0;
  [[nodiscard]] virtual bool has_failed() const noexcept = 0;
  [[nodiscard]] virtual std::string failure_text() const = 0;

  /// How much is read at a time: more than 0.
  virtual void set_room(std::size_t room_bytes) = 0;
  virtual void set_reads(bool reads) = 0;
};

class EngineParty final : public Party {
 public:
  explicit EngineParty(const TlsContext& context) : engine_(context, "localhost") {}

  void take(BytesView ciphertext) override;
  [[nodiscard]] std::string give() override;
  bool write(BytesView plaintext) override;
  void close() override { engine_.close(); }
  /// An engine never begins that.
  void update_keys(bool /*requested*/) override {}

  [[nodiscard]] const std::string& heard() const noexcept override { return engine_.heard; }
  [[nodiscard]] bool handshake_is_over() const noexcept override { return engine_.may_read(); }
  [[nodiscard]] bool has_closed() const noexcept override { return engine_.has_closed(); }
  [[nodiscard]] bool peer_has_closed() const noexcept override;
  [[nodiscard]] bool has_failed() const noexcept override { return engine_.has_failed(); }
  [[nodiscard]] std::string failure_text() const override { return engine_.failure_text(); }

  void set_room(std::size_t room_bytes) override { room_bytes_ = room_bytes; }
  void set_reads(bool reads) override { reads_ = reads; }

 private:
  CheckedEngine engine_;
  std::size_t room_bytes_ = 65'536;
  bool reads_ = true;
};

class OpenSslParty final : public Party {
 public:
  explicit OpenSslParty(const testing::TlsEndOptions& options) : end_(options) {}

  void take(BytesView ciphertext) override;
  [[nodiscard]] std::string give() override { return end_.give(); }
  bool write(BytesView plaintext) override;
  void close() override;
  void update_keys(bool requested) override;

  [[nodiscard]] const std::string& heard() const noexcept override { return heard_; }
  [[nodiscard]] bool handshake_is_over() const noexcept override { return end_.handshake_is_over(); }
  [[nodiscard]] bool has_closed() const noexcept override { return has_closed_; }
  [[nodiscard]] bool peer_has_closed() const noexcept override;
  [[nodiscard]] bool has_failed() const noexcept override { return !end_.failure().empty(); }
  [[nodiscard]] std::string failure_text() const override { return end_.failure(); }

  /// It reads all that there is, or nothing.
  void set_room(std::size_t /*room_bytes*/) override {}
  void set_reads(bool reads) override { reads_ = reads; }

 private:
  testing::TlsEnd end_;
  std::string heard_;
  bool reads_ = true;
  bool has_closed_ = false;
};

}  // namespace tidegate::fuzz
