// Addresses as Python's sockets have them, and as the kernel has them. Resolves no names.
#pragma once

#include "net/socket_address.hpp"
#include "python.hpp"

#include <optional>

namespace tidegate::python {

/// What `socket.recvfrom` and `socket.accept` would give for it: ("1.2.3.4", 80), ("::1", 80, 0, 0), a path,
/// the bytes of an abstract name, or None where there is no address. Null with an exception set where there
/// is no memory.
[[nodiscard]] Owned address_for_python(const net::SocketAddress& address);

/// The other way round, for a socket of that family. None, without an exception, for whatever takes a second
/// look: a name that has to be resolved, or something that is no address at all. An address is a value that
/// never changes.
[[nodiscard]] std::optional<net::SocketAddress> plain_address(PyObject* address, int family);

}  // namespace tidegate::python
