// The context in which a protocol is called: contextvars see what they saw when its transport was made.
#pragma once

#include "python.hpp"
#include "python_error.hpp"

namespace tidegate::python {

/// Enters a context, and leaves it at the end.
class EnteredContext {
 public:
  /// Throws PythonError where it is entered already.
  explicit EnteredContext(PyObject* context) : context_(Owned::share(context)) {
    if (PyContext_Enter(context) < 0) throw_python_error();
  }
  EnteredContext(const EnteredContext&) = delete;
  EnteredContext& operator=(const EnteredContext&) = delete;
  ~EnteredContext() {
    if (PyErr_Occurred() == nullptr) {
      PyContext_Exit(context_.get());
    } else {
      const PendingError error;
      PyContext_Exit(context_.get());
    }
  }

 private:
  Owned context_;
};

}  // namespace tidegate::python
