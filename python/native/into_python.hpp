// Calls into Python, from which a thread may never come back. Knows nothing of who is called.
#pragma once

#include "python.hpp"

#include <unistd.h>

namespace tidegate::python {

/// `call()`, which goes into Python or asks for the interpreter's lock.
///
/// When the interpreter ends, up to CPython 3.13, a daemon thread that asks for the lock is ended where it
/// stands: pthread_exit unwinds its stack, and what of ours lies there would be destroyed without the lock,
/// or end the process where nothing may be thrown. So it stays here until the process ends, as in 3.14.
/// Python itself throws nothing; and there must be nothing to destroy in `call`.
template <typename Call>
decltype(auto) into_python(const Call& call) {
  try {
    return call();
  } catch (...) {
    for (;;) ::pause();
  }
}

/// A callable with one argument, without a tuple; room before it for a bound method's self.
[[nodiscard]] inline Owned call_one(PyObject* callable, PyObject* argument) {
  PyObject* arguments[2] = {nullptr, argument};
  return Owned::take(into_python([&] {
    return PyObject_Vectorcall(callable, arguments + 1, 1 | PY_VECTORCALL_ARGUMENTS_OFFSET, nullptr);
  }));
}

/// `object.name()`.
[[nodiscard]] inline Owned call_method(PyObject* object, PyObject* name) {
  return Owned::take(into_python([&] { return PyObject_CallMethodNoArgs(object, name); }));
}

/// `object.name(arguments...)`.
template <typename... Arguments>
[[nodiscard]] Owned call_method(PyObject* object, PyObject* name, Arguments*... arguments) {
  return Owned::take(
      into_python([&] { return PyObject_CallMethodObjArgs(object, name, arguments..., nullptr); }));
}

}  // namespace tidegate::python
