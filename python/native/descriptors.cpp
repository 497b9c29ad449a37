// File descriptors: see descriptors.hpp.
#include "descriptors.hpp"

#include "into_python.hpp"
#include "names.hpp"
#include "native_loop.hpp"

#include <limits>

namespace tidegate::python {

namespace {

/// As an int; -1, perhaps with an exception set, for what is none.
int int_or_minus_one(PyObject* number) noexcept {
  const long value = PyLong_AsLong(number);
  return value >= 0 && value <= std::numeric_limits<int>::max() ? static_cast<int>(value) : -1;
}

/// What selectors catches there, for it is no file then.
bool is_of_no_file() noexcept {
  return PyErr_ExceptionMatches(PyExc_AttributeError) != 0 || PyErr_ExceptionMatches(PyExc_TypeError) != 0 ||
         PyErr_ExceptionMatches(PyExc_ValueError) != 0;
}

/// A new reference to its number. Null with an exception set.
Owned number_of_file(PyObject* file) {
  Owned number = call_method(file, names().fileno);
  if (!number && !is_of_no_file()) return {};
  if (number && PyLong_Check(number.get())) return number;
  PyErr_Format(PyExc_ValueError, "Invalid file object: %R", file);
  return {};
}

}  // namespace

bool read_descriptor(PyObject* object, int& descriptor) {
  const Owned number = PyLong_Check(object) ? Owned::share(object) : number_of_file(object);
  if (!number) return false;
  descriptor = int_or_minus_one(number.get());
  if (descriptor >= 0) return true;
  if (PyErr_Occurred() == nullptr)
    PyErr_Format(PyExc_ValueError, "Invalid file descriptor: %R", number.get());
  return false;
}

bool read_open_descriptor(PyObject* file, int& descriptor) {
  const Owned number = call_method(file, names().fileno);
  if (!number) return false;
  descriptor = int_or_minus_one(number.get());
  if (descriptor >= 0) return true;
  if (PyErr_Occurred() == nullptr) PyErr_Format(PyExc_ValueError, "%R is closed", file);
  return false;
}

bool is_free_descriptor(PyObject* loop, int descriptor, PyObject* shown) {
  const auto& transports = NativeLoop::of(loop)->transports();
  const auto found = transports.find(descriptor);
  if (found == transports.end()) return true;
  PyErr_Format(PyExc_RuntimeError, "File descriptor %R is used by transport %R", shown, found->second);
  return false;
}

}  // namespace tidegate::python
