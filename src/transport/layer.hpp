// A layer between a connection and its protocol: a protocol below, a transport above. What makes and accepts
// connections puts one in without knowing what it is (TLS, in src/tls).
#pragma once

#include <tidegate/future.hpp>
#include <tidegate/protocol.hpp>
#include <tidegate/transport.hpp>

#include <functional>
#include <memory>

namespace tidegate::transport {

/// One layer. Given to the transport below as its protocol; it holds the protocol above from its making on.
class Layer : public Protocol {
 public:
  /// Done when the protocol above has been told of its connection: the transport above. Fails where that does
  /// not come to pass. Asked for once, at most.
  [[nodiscard]] virtual Future<TransportRef> opened() = 0;
  /// The transport that it is for the protocol above.
  [[nodiscard]] virtual Transport& above() noexcept = 0;
};

/// Makes the layer for a connection whose protocol is given; none: connections stay as they are.
using LayerFactory = std::function<std::shared_ptr<Layer>(std::shared_ptr<BaseProtocol> above)>;

}  // namespace tidegate::transport
