// What TLS grounds need beside the others: contexts, and raw peers that speak TLS. Without TLS in the build
// there are no such grounds, and nothing of this is called.
#pragma once

#include <tidegate/tls.hpp>

#include "contract/ground.hpp"
#include "support/raw_peer.hpp"

#include <memory>

namespace tidegate::contract {

/// For connecting to localhost; none on grounds without TLS.
[[nodiscard]] TlsContext client_context(const Ground& ground);
/// For accepting as localhost; none on grounds without TLS.
[[nodiscard]] TlsContext server_context(const Ground& ground);

/// The raw other end of an end under test.
[[nodiscard]] std::unique_ptr<testing::RawPeer> make_raw_peer(const Ground& ground,
                                                              OwnedFileDescriptor descriptor);

/// Has a raw peer do its part of the handshake, as far as that is possible now.
void go_on_with_handshake(testing::RawPeer& peer);

}  // namespace tidegate::contract
