// The last step of every call that gives a transport and its protocol: connection_made, in the loop.
#pragma once

#include <tidegate/loop.hpp>

#include "transport/stream_transport.hpp"

#include <memory>

namespace tidegate::transport {

/// Lets the loop come round, calls `connection_made`, and returns the pair (contract L1). Should the task be
/// cancelled before the protocol knows of the connection, nobody will: it is dropped.
[[nodiscard]] Task<Connection<BaseProtocol>> open_connection(Ref<StreamTransport> transport,
                                                             std::shared_ptr<BaseProtocol> protocol);

}  // namespace tidegate::transport
