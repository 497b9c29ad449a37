// The protocol of a stream transport: which one it is, of which kind, and how it is called. Knows no
// transports' inside.
#pragma once

#include <tidegate/loop.hpp>
#include <tidegate/protocol.hpp>

#include <memory>

namespace tidegate::transport {

/// Holds a Protocol or a BufferedProtocol. What it calls may replace it; the one that was replaced stays
/// alive until the loop comes round, because one of its members may be running.
class ProtocolSlot {
 public:
  /// Throws std::invalid_argument for anything but a Protocol or a BufferedProtocol.
  explicit ProtocolSlot(std::shared_ptr<BaseProtocol> protocol);

  /// As the constructor; nothing changes when it throws.
  void replace(std::shared_ptr<BaseProtocol> protocol, Loop& loop);

  /// Lets go of it.
  void reset() noexcept { protocol_.reset(); }

  [[nodiscard]] const std::shared_ptr<BaseProtocol>& shared() const noexcept { return protocol_; }
  [[nodiscard]] bool is_buffered() const noexcept { return buffered_; }
  [[nodiscard]] StreamProtocol& stream() const noexcept { return static_cast<StreamProtocol&>(*protocol_); }
  /// REQUIRES: !is_buffered().
  [[nodiscard]] Protocol& plain() const noexcept { return static_cast<Protocol&>(*protocol_); }
  /// REQUIRES: is_buffered().
  [[nodiscard]] BufferedProtocol& buffered() const noexcept {
    return static_cast<BufferedProtocol&>(*protocol_);
  }

 private:
  [[nodiscard]] static bool is_buffered_kind(const BaseProtocol* protocol);

  std::shared_ptr<BaseProtocol> protocol_;
  bool buffered_ = false;
};

}  // namespace tidegate::transport
