// Errors between C++ and Python: see python_error.hpp.
#include "python_error.hpp"

#include "names.hpp"

#include <new>
#include <stdexcept>
#include <string>
#include <system_error>

namespace tidegate::python {

namespace {

/// `type(argument...)` as an object.
Owned make(PyObject* type, PyObject* argument) {
  const Owned owned = Owned::take(argument);
  if (!owned) return {};
  return Owned::take(PyObject_CallOneArg(type, owned.get()));
}

Owned make(PyObject* type, const char* text) { return make(type, PyUnicode_FromString(text)); }

/// As the interpreter does it itself: the number chooses the class (ConnectionResetError ...).
Owned make_os_error(const std::error_code& code) {
  const std::string text = code.message();
  return Owned::take(PyObject_CallFunction(PyExc_OSError, "is", code.value(), text.c_str()));
}

}  // namespace

Owned take_exception() noexcept {
  PyObject* type = nullptr;
  PyObject* value = nullptr;
  PyObject* traceback = nullptr;
  PyErr_Fetch(&type, &value, &traceback);
  PyErr_NormalizeException(&type, &value, &traceback);
  if (traceback != nullptr) PyException_SetTraceback(value, traceback);
  Py_XDECREF(type);
  Py_XDECREF(traceback);
  return Owned::take(value);
}

void throw_python_error() { throw PythonError(take_exception()); }

Owned exception_for_python(const std::exception_ptr& exception) {
  try {
    std::rethrow_exception(exception);
  } catch (const PythonError& error) {
    return Owned::share(error.exception());
  } catch (const InvalidStateError& error) {
    return make(PyExc_RuntimeError, error.what());
  } catch (const SendfileNotAvailableError& error) {
    return make(names().sendfile_not_available, error.what());
  } catch (const NotSupportedError& error) {
    return make(PyExc_NotImplementedError, error.what());
  } catch (const std::system_error& error) {
    const bool is_of_system = error.code().category() == std::system_category() ||
                              error.code().category() == std::generic_category();
    return is_of_system ? make_os_error(error.code()) : make(PyExc_OSError, error.what());
  } catch (const std::invalid_argument& error) {
    return make(PyExc_ValueError, error.what());
  } catch (const std::bad_alloc&) {
    return Owned::take(PyObject_CallNoArgs(PyExc_MemoryError));
  } catch (const std::exception& error) {
    return make(PyExc_RuntimeError, error.what());
  } catch (...) {
    return make(PyExc_RuntimeError, "an exception that is no std::exception");
  }
}

Owned exception_for_python(const Error& reason) {
  return reason ? exception_for_python(reason.exception()) : Owned::share(Py_None);
}

void set_exception_being_handled() noexcept {
  const Owned exception = exception_for_python(std::current_exception());
  if (!exception) return;  // another one is set
  PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(exception.get())), exception.get());
}

}  // namespace tidegate::python
