// The core's messages in asyncio's log: see logging.hpp.
#include "logging.hpp"

#include <tidegate/log.hpp>

#include "into_python.hpp"
#include "python_error.hpp"

#include <string_view>

namespace tidegate::python {

namespace {

const char* method_of(LogLevel level) noexcept {
  switch (level) {
    case LogLevel::debug:
      return "debug";
    case LogLevel::info:
      return "info";
    case LogLevel::warning:
      return "warning";
    case LogLevel::error:
      break;
  }
  return "error";
}

/// What is set can be given to nobody from here; Ctrl-C is noticed once more.
void was_in_vain(PyObject* logger) noexcept {
  if (PyErr_ExceptionMatches(PyExc_KeyboardInterrupt) == 0) return PyErr_WriteUnraisable(logger);
  PyErr_Clear();
  PyErr_SetInterrupt();
}

/// The core may log while it sleeps, without the interpreter's lock.
void log(PyObject* logger, LogLevel level, std::string_view message) noexcept {
  const PyGILState_STATE state = into_python([] { return PyGILState_Ensure(); });
  {
    const PendingError error;
    const Owned logged = Owned::take(PyObject_CallMethod(
        logger, method_of(level), "ss#", "%s", message.data(), static_cast<Py_ssize_t>(message.size())));
    if (!logged) was_in_vain(logger);
  }
  PyGILState_Release(state);
}

/// Afterwards there is no logger any more.
PyObject* end_logging(PyObject*, PyObject*) {
  set_log_handler({});
  Py_RETURN_NONE;
}

PyMethodDef end_logging_method = {"end_logging", end_logging, METH_NOARGS, nullptr};

}  // namespace

bool prepare_logging() {
  const Owned module = Owned::take(PyImport_ImportModule("asyncio.log"));
  PyObject* const logger =
      module ? PyObject_GetAttrString(module.get(), "logger") : nullptr;  // kept for ever
  if (logger == nullptr) return false;
  const Owned atexit = Owned::take(PyImport_ImportModule("atexit"));
  const Owned end = Owned::take(PyCFunction_New(&end_logging_method, nullptr));
  if (!atexit || !end) return false;
  const Owned registered = Owned::take(PyObject_CallMethod(atexit.get(), "register", "O", end.get()));
  if (!registered) return false;
  set_log_handler([logger](LogLevel level, std::string_view message) { log(logger, level, message); });
  return true;
}

}  // namespace tidegate::python
