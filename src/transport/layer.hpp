// A layer between a connection and its protocol: a protocol below, a transport above. What makes and accepts
// connections puts one in without knowing what it is (TLS, in src/tls).
#pragma once

#include <tidegate/future.hpp>
#include <tidegate/protocol.hpp>
#include <tidegate/transport.hpp>

namespace tidegate::transport {

/// One layer. The transport below has it as its protocol; it has the protocol above from its making on.
class Layer : public Protocol {
 public:
  /// Done when the protocol above has been told of its connection: the transport above. Fails where that does
  /// not come to pass. REQUIRES: made to be awaited.
  [[nodiscard]] virtual Future<TransportRef> opened() const = 0;
  /// The transport that it is for the protocol above.
  [[nodiscard]] virtual Transport& above() noexcept = 0;
};

}  // namespace tidegate::transport
