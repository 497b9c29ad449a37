// Stream transports on their way into the world: from what asyncio's loop gives to an open transport. Knows
// none of their methods.
#pragma once

#include "python.hpp"

namespace tidegate::python {

/// For NativeLoop's methods of the same names; null with an exception set.
[[nodiscard]] PyObject* make_socket_transport(PyObject* loop, PyObject* arguments, PyObject* keywords);
[[nodiscard]] PyObject* make_tls_transport(PyObject* loop, PyObject* arguments, PyObject* keywords);
[[nodiscard]] PyObject* make_tls_upgrade(PyObject* loop, PyObject* arguments);
[[nodiscard]] PyObject* make_read_pipe_transport(PyObject* loop, PyObject* arguments, PyObject* keywords);
[[nodiscard]] PyObject* make_write_pipe_transport(PyObject* loop, PyObject* arguments, PyObject* keywords);

}  // namespace tidegate::python
