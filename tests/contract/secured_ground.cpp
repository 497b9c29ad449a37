// TLS for the rig: see secured_ground.hpp.
#include "contract/secured_ground.hpp"

#ifdef TIDEGATE_HAS_TLS
#include "support/certificates.hpp"
#include "support/tls_peer.hpp"
#endif

#include <utility>

#include <netinet/in.h>
#include <netinet/tcp.h>

namespace tidegate::contract {

#ifdef TIDEGATE_HAS_TLS

TlsContext client_context(const Ground& ground) {
  static const TlsContext context =
      TlsContext::client({.ca_data = testing::trusted_authority().certificate_pem()});
  return ground.is_tls() ? context : TlsContext();
}

TlsContext server_context(const Ground& ground) {
  static const TlsContext context =
      TlsContext::server({.cert_chains = {testing::server_certificate().chain()}});
  return ground.is_tls() ? context : TlsContext();
}

std::unique_ptr<testing::RawPeer> make_raw_peer(const Ground& ground, OwnedFileDescriptor descriptor) {
  if (!ground.is_tls()) return std::make_unique<testing::RawPeer>(std::move(descriptor));
  testing::TlsEndOptions options;
  if (ground.side == Side::connecting) {
    options.role = testing::TlsRole::server;
    options.certificate = &testing::server_certificate();
  }
  auto peer = std::make_unique<testing::TlsPeer>(std::move(descriptor), options);
  // A handshake makes a conversation of it, in which the kernel would hold a second small write back for a
  // while.
  if (ground.is_tcp()) peer->set_option(IPPROTO_TCP, TCP_NODELAY, 1);
  return peer;
}

void go_on_with_handshake(testing::RawPeer& peer) {
  auto* const tls = dynamic_cast<testing::TlsPeer*>(&peer);
  if (tls != nullptr && tls->is_open()) static_cast<void>(tls->handshake_is_over());
}

#else

TlsContext client_context(const Ground&) { return {}; }
TlsContext server_context(const Ground&) { return {}; }
std::unique_ptr<testing::RawPeer> make_raw_peer(const Ground&, OwnedFileDescriptor descriptor) {
  return std::make_unique<testing::RawPeer>(std::move(descriptor));
}
void go_on_with_handshake(testing::RawPeer&) {}

#endif

}  // namespace tidegate::contract
