// Sends back what arrives, no faster than the peer reads.
#pragma once

#include <tidegate/protocol.hpp>
#include <tidegate/transport.hpp>

#include <cstdint>
#include <memory>

namespace tidegate::cli {

class ConnectionLog;

/// One connection of an echo server. A peer that sends without reading makes it stop reading, so that it
/// holds no more than the transport's high-water mark and one received piece. A peer that half-closes gets
/// all that it sent, then the end.
class EchoProtocol final : public Protocol {
 public:
  /// `log` is told of the connection's beginning and end; null: nobody is.
  explicit EchoProtocol(std::shared_ptr<ConnectionLog> log = nullptr);
  ~EchoProtocol() override;

  /// Whether there was a connection: over TLS the handshake may fail before.
  [[nodiscard]] bool was_connected() const noexcept { return static_cast<bool>(transport_); }

  void connection_made(TransportRef transport) override;
  void data_received(BytesView data) override;
  void pause_writing() override { transport_->pause_reading(); }
  void resume_writing() override { transport_->resume_reading(); }
  // eof_received stays false: the transport sends what is buffered, then closes.
  void connection_lost(const Error& reason) override;

 private:
  std::shared_ptr<ConnectionLog> log_;
  TransportRef transport_;
  std::uint64_t number_ = 0;
  std::uint64_t received_bytes_ = 0;
};

}  // namespace tidegate::cli
