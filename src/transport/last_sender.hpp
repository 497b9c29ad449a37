// Who sent the last datagram, as the kernel and as protocols know them. Pure.
#pragma once

#include <tidegate/bytes.hpp>
#include <tidegate/endpoint.hpp>

#include "net/socket_address.hpp"

#include <cstring>

namespace tidegate::transport {

/// Most datagrams come from where the one before came from, and most answers go there: neither has to be
/// translated again.
class LastSender {
 public:
  /// The sender of the next datagram as the protocol is told of it; a Unix socket without a name has no
  /// address at all. Throws std::bad_alloc. Lifetime: until the next call.
  const Endpoint& update(const net::SocketAddress& sender, AddressFamily family) {
    if (is_known_ && is(sender)) return endpoint_;
    is_known_ = false;
    endpoint_ = net::from_sockaddr(sender);
    if (endpoint_.empty() && family == AddressFamily::unix_domain) endpoint_ = Endpoint::unix_unnamed();
    std::memcpy(&address_.storage, &sender.storage, sender.length);
    address_.length = sender.length;
    is_known_ = true;
    return endpoint_;
  }

  /// Its address, where this very endpoint is what `update` returned; empty for every other, and where there
  /// is no address.
  [[nodiscard]] BytesView address_of(const Endpoint& endpoint) const noexcept {
    return &endpoint == &endpoint_ && is_known_ ? BytesView(&address_.storage, address_.length) : BytesView();
  }

 private:
  [[nodiscard]] bool is(const net::SocketAddress& sender) const noexcept {
    return sender.length == address_.length &&
           std::memcmp(&sender.storage, &address_.storage, sender.length) == 0;
  }

  net::SocketAddress address_;
  Endpoint endpoint_;
  bool is_known_ = false;
};

}  // namespace tidegate::transport
