// Where a slot lies: see extended_type.hpp.
#include "extended_type.hpp"

namespace tidegate::python {

bool SlotOfClass::find(PyTypeObject* type, const char* name) {
  const Owned found = Owned::take(PyObject_GetAttrString(reinterpret_cast<PyObject*>(type), name));
  if (!found) return false;
  if (Py_TYPE(found.get()) != &PyMemberDescr_Type) {
    PyErr_Format(PyExc_ImportError, "%s.%s is no slot: this version of asyncio is not known to tidegate",
                 type->tp_name, name);
    return false;
  }
  offset_ = reinterpret_cast<PyMemberDescrObject*>(found.get())->d_member->offset;
  return true;
}

bool SlotOfClass::at(Py_ssize_t offset) {
  // Negative since 3.12, where the interpreter keeps weak references before the object.
  if (offset == 0) {
    PyErr_SetString(PyExc_ImportError, "this version of asyncio is not known to tidegate");
    return false;
  }
  offset_ = offset;
  return true;
}

}  // namespace tidegate::python
