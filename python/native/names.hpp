// Names of Python's that are looked up again and again, and what asyncio has under some of them.
#pragma once

#include "python.hpp"

namespace tidegate::python {

struct Names {
  // Methods that are written in Python, of tidegate.Loop.
  PyObject* call_exception_handler = nullptr;
  PyObject* report_handle = nullptr;
  PyObject* call_in_debug_mode = nullptr;
  PyObject* check_thread = nullptr;
  PyObject* check_callback = nullptr;
  PyObject* note_source = nullptr;
};

[[nodiscard]] const Names& names() noexcept;

/// False with an exception set.
[[nodiscard]] bool prepare_names();

}  // namespace tidegate::python
