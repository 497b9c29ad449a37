// Calls of Python protocols: see protocol_calls.hpp.
#include "protocol_calls.hpp"

#include "names.hpp"
#include "python_error.hpp"

#include <utility>

namespace tidegate::python {

void ProtocolCalls::begin(PyObject* loop) {
  loop_ = Owned::share(loop);
  native_ = NativeLoop::of(loop);
  context_ = Owned::take(PyContext_CopyCurrent());
  if (!context_) throw_python_error();
}

void ProtocolCalls::failed() {
  if (!NativeLoop::is_for_the_program()) throw_python_error();
  loop().interrupt();
}

Owned ProtocolCalls::call(PyObject* name, PyObject* argument) {
  const Owned protocol = Owned::share(protocol_.get());  // another one may be set from inside
  return in_context(name, [&] { return call_method(protocol.get(), name, argument); });
}

void ProtocolCalls::within_call(PyObject* name, PyObject* argument) {
  const Owned protocol = Owned::share(protocol_.get());
  if (call_method(protocol.get(), name, argument)) return;
  if (!NativeLoop::is_for_the_program()) throw_python_error();
  if (raised_within_) return loop().interrupt();
  raised_within_ = take_exception();
}

PyObject* ProtocolCalls::raise_within() noexcept {
  const Owned exception = std::exchange(raised_within_, Owned());
  PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(exception.get())), exception.get());
  return nullptr;
}

void ProtocolCalls::as_a_callback(PyObject* transport, PyObject* name, PyObject* argument) {
  try {
    call(name, argument);
  } catch (const PythonError& error) {
    const Owned method = Owned::take(PyObject_GetAttr(protocol_.get(), name));
    const Owned message =
        Owned::take(method ? PyUnicode_FromFormat("Exception in callback %R", method.get()) : nullptr);
    if (!message) {  // it is told without its name
      if (NativeLoop::is_for_the_program()) loop().interrupt();
      PyErr_Clear();
    }
    loop().report(message ? PyUnicode_AsUTF8(message.get()) : "Exception in callback",
                  Owned::share(error.exception()), transport, protocol_.get());
  }
}

void ProtocolCalls::was_in_vain(PyObject* what) const noexcept {
  if (NativeLoop::is_for_the_program()) return loop().interrupt();
  PyErr_WriteUnraisable(what);
}

void ProtocolCalls::note_time(PyObject* name, double seconds) const noexcept {
  const PendingError error;
  const Owned taken = Owned::take(PyFloat_FromDouble(seconds));
  const Owned noted =
      taken ? call_method(loop_.get(), names().note_call, protocol_.get(), name, taken.get()) : Owned();
  if (!noted) was_in_vain(protocol_.get());
}

int ProtocolCalls::traverse(visitproc visit, void* arg) const {
  for (const Owned* owned : {&loop_, &protocol_, &context_, &raised_within_}) Py_VISIT(owned->get());
  return 0;
}

void ProtocolCalls::clear() noexcept {
  for (Owned* owned : {&protocol_, &context_, &raised_within_}) owned->reset();
}

}  // namespace tidegate::python
