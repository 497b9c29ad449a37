// Connections that come in at a listening socket become transports, without a task for each.
#pragma once

#include "python.hpp"

namespace tidegate::python {

/// For NativeLoop's method `_accept_connections(protocol_factory, sock, server, backlog, kind)`, which is the
/// callback of a reader. `kind`: what sockets are made of, (family, type, proto). Null with an exception set.
[[nodiscard]] PyObject* accept_connections(PyObject* loop, PyObject* const* arguments, Py_ssize_t count);

}  // namespace tidegate::python
