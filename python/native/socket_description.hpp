// What get_extra_info tells of a socket.
#pragma once

#include "python.hpp"

namespace tidegate::python {

/// A dictionary of what a socket says of itself: "socket", "sockname", "peername"; None where it does not
/// say. `known` (null, None or a dictionary, which is filled) comes first. Null with an exception set.
[[nodiscard]] Owned describe_socket(PyObject* socket, PyObject* known);

}  // namespace tidegate::python
