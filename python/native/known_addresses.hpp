// The peers that a datagram transport had to do with last, as Python and as the kernel know them.
#pragma once

#include <tidegate/bytes.hpp>
#include <tidegate/endpoint.hpp>

#include "addresses.hpp"
#include "python.hpp"
#include "python_error.hpp"

namespace tidegate::python {

/// Most datagrams come from where the one before came from, and go there, or where the one before went: none
/// of them has to be translated again.
class KnownAddresses {
 public:
  explicit KnownAddresses(int family) noexcept : family_(family) {}

  /// A sender as Python sees it: the same object for the same one as before. Throws.
  [[nodiscard]] Owned sender(const Endpoint& endpoint) {
    if (sender_ && endpoint == sender_endpoint_) return Owned::share(sender_.get());
    sender_.reset();
    sender_endpoint_ = endpoint;
    // One that has no name has no address, where a datagram comes from it.
    const bool has_address = family_ != AF_UNIX || !endpoint.path().empty();
    sender_address_ = has_address ? net::to_sockaddr(endpoint) : net::SocketAddress();
    sender_ = address_for_python(sender_address_);
    if (!sender_) throw_python_error();
    return Owned::share(sender_.get());
  }

  /// Where `address` is, as a sockaddr; empty where plain_address() finds none. Lifetime: until the next
  /// call.
  [[nodiscard]] BytesView find(PyObject* address) {
    if (address == sender_.get()) return bytes_of(sender_address_);
    if (address != recipient_.get()) {
      const auto found = plain_address(address, family_);
      if (!found) return {};
      recipient_ = Owned::share(address);
      recipient_address_ = *found;
    }
    return bytes_of(recipient_address_);
  }

  void clear() noexcept {
    sender_.reset();
    recipient_.reset();
  }

 private:
  [[nodiscard]] static BytesView bytes_of(const net::SocketAddress& address) noexcept {
    return {&address.storage, address.length};
  }

  const int family_;
  Endpoint sender_endpoint_;
  net::SocketAddress sender_address_;
  Owned sender_;
  net::SocketAddress recipient_address_;
  Owned recipient_;
};

}  // namespace tidegate::python
