// Calls of the module ssl's methods: what is lent to them, and what they have counted.
#pragma once

#include "into_python.hpp"
#include "python.hpp"
#include "python_error.hpp"

#include <cstddef>

namespace tidegate::python {

/// Throws PythonError where it has none.
[[nodiscard]] inline Owned attribute_of(PyObject* object, PyObject* name) {
  Owned attribute = Owned::take(PyObject_GetAttr(object, name));
  if (!attribute) throw_python_error();
  return attribute;
}

/// Memory of ours for one call of CPython's own, which keeps no hold on it.
[[nodiscard]] inline Owned lend(const void* memory, std::size_t size_bytes, int access) {
  auto* const start = const_cast<char*>(static_cast<const char*>(memory));
  return Owned::take(PyMemoryView_FromMemory(start, static_cast<Py_ssize_t>(size_bytes), access));
}

[[nodiscard]] inline Owned call(PyObject* callable) {
  return Owned::take(into_python([&] { return PyObject_CallNoArgs(callable); }));
}

[[nodiscard]] inline Owned call(PyObject* callable, PyObject* first) { return call_one(callable, first); }

[[nodiscard]] inline Owned call(PyObject* callable, PyObject* first, PyObject* second) {
  PyObject* arguments[3] = {nullptr, first, second};
  return Owned::take(into_python([&] {
    return PyObject_Vectorcall(callable, arguments + 1, 2 | PY_VECTORCALL_ARGUMENTS_OFFSET, nullptr);
  }));
}

/// What a method has counted; -1 where it has raised.
[[nodiscard]] inline Py_ssize_t count_of(const Owned& result) {
  return result ? PyLong_AsSsize_t(result.get()) : -1;
}

}  // namespace tidegate::python
