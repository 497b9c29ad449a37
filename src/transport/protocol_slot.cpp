// The protocol of a stream transport: see protocol_slot.hpp.
#include "transport/protocol_slot.hpp"

#include <stdexcept>
#include <utility>

namespace tidegate::transport {

namespace {

bool is_buffered_kind(const BaseProtocol* protocol) {
  if (dynamic_cast<const BufferedProtocol*>(protocol) != nullptr) return true;
  if (dynamic_cast<const Protocol*>(protocol) != nullptr) return false;
  throw std::invalid_argument(protocol == nullptr
                                  ? "the protocol is null, expected a Protocol or a BufferedProtocol"
                                  : "a stream transport needs a Protocol or a BufferedProtocol");
}

}  // namespace

ProtocolSlot::ProtocolSlot(std::shared_ptr<BaseProtocol> protocol)
    : protocol_(std::move(protocol)), buffered_(is_buffered_kind(protocol_.get())) {}

void ProtocolSlot::replace(std::shared_ptr<BaseProtocol> protocol, Loop& loop) {
  const bool buffered = is_buffered_kind(protocol.get());
  loop.call_soon([replaced = protocol_] {});  // holds it until then
  protocol_ = std::move(protocol);
  buffered_ = buffered;
}

}  // namespace tidegate::transport
