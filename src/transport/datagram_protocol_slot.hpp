// The protocol of a datagram transport: that it is one, and how it is called. Knows no transports' inside.
#pragma once

#include <tidegate/datagram.hpp>
#include <tidegate/loop.hpp>
#include <tidegate/protocol.hpp>

#include <memory>
#include <stdexcept>
#include <utility>

namespace tidegate::transport {

/// Holds a DatagramProtocol. What it calls may replace it; the one that was replaced stays alive until the
/// loop comes round, because one of its members may be running. (ProtocolSlot does this for streams.)
class DatagramProtocolSlot {
 public:
  /// Throws std::invalid_argument for anything but a DatagramProtocol.
  explicit DatagramProtocolSlot(std::shared_ptr<BaseProtocol> protocol) : protocol_(checked(protocol)) {}

  /// As the constructor; nothing changes when it throws.
  void replace(std::shared_ptr<BaseProtocol> protocol, Loop& loop) {
    std::shared_ptr<DatagramProtocol> next = checked(protocol);
    loop.call_soon([replaced = protocol_] {});  // holds it until then
    protocol_ = std::move(next);
  }

  /// Lets go of it.
  void reset() noexcept { protocol_.reset(); }

  [[nodiscard]] const std::shared_ptr<DatagramProtocol>& shared() const noexcept { return protocol_; }
  [[nodiscard]] DatagramProtocol& get() const noexcept { return *protocol_; }

 private:
  [[nodiscard]] static std::shared_ptr<DatagramProtocol> checked(
      const std::shared_ptr<BaseProtocol>& protocol) {
    if (protocol == nullptr) throw std::invalid_argument("the protocol is null, expected a DatagramProtocol");
    if (protocol->kind() != BaseProtocol::Kind::datagram)
      throw std::invalid_argument("a datagram transport needs a DatagramProtocol");
    return std::static_pointer_cast<DatagramProtocol>(protocol);
  }

  std::shared_ptr<DatagramProtocol> protocol_;
};

}  // namespace tidegate::transport
