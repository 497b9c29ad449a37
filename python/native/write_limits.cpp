// The arguments of set_write_buffer_limits: see write_limits.hpp.
#include "write_limits.hpp"

namespace tidegate::python {

namespace {

/// None: left out. False, perhaps with an exception set.
bool read_limit(PyObject* value, std::optional<std::size_t>& limit) {
  if (value == Py_None) return true;
  const Py_ssize_t number = PyNumber_AsSsize_t(value, PyExc_OverflowError);
  if (number < 0) return false;
  limit = static_cast<std::size_t>(number);
  return true;
}

}  // namespace

bool read_write_limits(PyObject* arguments, PyObject* keywords, WriteBufferLimitOptions& limits) {
  static const char* names_of_arguments[] = {"high", "low", nullptr};
  PyObject* high = Py_None;
  PyObject* low = Py_None;
  if (PyArg_ParseTupleAndKeywords(arguments, keywords, "|OO:set_write_buffer_limits",
                                  const_cast<char**>(names_of_arguments), &high, &low) == 0) {
    return false;
  }
  if (read_limit(high, limits.high) && read_limit(low, limits.low)) return true;
  if (PyErr_Occurred() == nullptr) {
    PyErr_Format(PyExc_ValueError, "high (%R) must be >= low (%R) must be >= 0", high, low);
  }
  return false;
}

}  // namespace tidegate::python
