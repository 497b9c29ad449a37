// set_write_buffer_limits(high=None, low=None), as every transport that sends has it.
#pragma once

#include <tidegate/transport.hpp>

#include "python.hpp"

namespace tidegate::python {

/// False with an exception set for what is negative, or no number.
[[nodiscard]] bool read_write_limits(PyObject* arguments, PyObject* keywords,
                                     WriteBufferLimitOptions& limits);

}  // namespace tidegate::python
