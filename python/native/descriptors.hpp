// File descriptors as Python gives them. Knows no transports, but whose descriptor is whose.
#pragma once

#include "python.hpp"

namespace tidegate::python {

/// Of what asyncio's readers and writers take: a number, or an object with `fileno`. False with ValueError
/// set, in the words of the module selectors.
[[nodiscard]] bool read_descriptor(PyObject* object, int& descriptor);

/// Of a file or a socket that a transport is made of. False with an exception set, also where it is closed.
[[nodiscard]] bool read_open_descriptor(PyObject* file, int& descriptor);

/// False with RuntimeError set where a transport of `loop` has it; `shown` is what the error names.
[[nodiscard]] bool is_free_descriptor(PyObject* loop, int descriptor, PyObject* shown);

}  // namespace tidegate::python
