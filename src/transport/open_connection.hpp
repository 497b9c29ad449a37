// The last step of every call that gives a transport and its protocol: connection_made, in the loop.
#pragma once

#include <tidegate/loop.hpp>

#include "transport/layer.hpp"
#include "transport/stream_transport.hpp"

#include <memory>

namespace tidegate::transport {

/// Lets the loop come round, calls `connection_made`, and returns the pair (contract L1). Should the task be
/// cancelled before the protocol knows of the connection, nobody will: it is dropped.
[[nodiscard]] Task<Connection<BaseProtocol>> open_connection(Ref<StreamTransport> transport,
                                                             std::shared_ptr<BaseProtocol> protocol);

/// The same for a connection with a layer, which is `transport`'s protocol: the layer's transport, when it is
/// open. Throws what keeps it from opening.
[[nodiscard]] Task<Connection<BaseProtocol>> open_layer(Ref<StreamTransport> transport,
                                                        std::shared_ptr<Layer> layer,
                                                        std::shared_ptr<BaseProtocol> protocol);

}  // namespace tidegate::transport
