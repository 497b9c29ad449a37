// What get_extra_info tells of a socket: see socket_description.hpp.
#include "socket_description.hpp"

#include "names.hpp"

namespace tidegate::python {

namespace {

bool ask(PyObject* description, PyObject* key, PyObject* socket, PyObject* method) {
  Owned answer = Owned::take(PyObject_CallMethodNoArgs(socket, method));
  if (!answer) {
    if (PyErr_ExceptionMatches(PyExc_OSError) == 0) return false;
    PyErr_Clear();
    answer = Owned::share(Py_None);
  }
  return PyDict_SetItem(description, key, answer.get()) == 0;
}

bool describe(PyObject* description, PyObject* socket) {
  const Owned shown = Owned::take(PyObject_CallOneArg(names().transport_socket, socket));
  if (!shown || PyDict_SetItem(description, names().socket, shown.get()) < 0) return false;
  if (!ask(description, names().sockname, socket, names().getsockname)) return false;
  const int is_known = PyDict_Contains(description, names().peername);
  if (is_known != 0) return is_known > 0;
  return ask(description, names().peername, socket, names().getpeername);
}

}  // namespace

Owned describe_socket(PyObject* socket, PyObject* known) {
  Owned description = known == nullptr || known == Py_None ? Owned::take(PyDict_New()) : Owned::share(known);
  if (description && !describe(description.get(), socket)) return {};
  return description;
}

}  // namespace tidegate::python
