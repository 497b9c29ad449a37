// The protocol of a stream transport: see protocol_slot.hpp.
#include "transport/protocol_slot.hpp"

#include <stdexcept>
#include <utility>

namespace tidegate::transport {

bool ProtocolSlot::is_buffered_kind(const BaseProtocol* protocol) {
  if (protocol == nullptr) {
    throw std::invalid_argument("the protocol is null, expected a Protocol or a BufferedProtocol");
  }
  const BaseProtocol::Kind kind = protocol->kind();
  if (kind == BaseProtocol::Kind::other) {
    throw std::invalid_argument("a stream transport needs a Protocol or a BufferedProtocol");
  }
  return kind == BaseProtocol::Kind::buffered;
}

ProtocolSlot::ProtocolSlot(std::shared_ptr<BaseProtocol> protocol)
    : protocol_(std::move(protocol)), buffered_(is_buffered_kind(protocol_.get())) {}

void ProtocolSlot::replace(std::shared_ptr<BaseProtocol> protocol, Loop& loop) {
  const bool buffered = is_buffered_kind(protocol.get());
  loop.call_soon([replaced = protocol_] {});  // holds it until then
  protocol_ = std::move(protocol);
  buffered_ = buffered;
}

}  // namespace tidegate::transport
