// Names: see names.hpp.
#include "names.hpp"

namespace tidegate::python {

namespace {

Names interned;

bool intern(PyObject*& name, const char* text) {
  name = PyUnicode_InternFromString(text);
  return name != nullptr;
}

}  // namespace

const Names& names() noexcept { return interned; }

bool prepare_names() {
  return intern(interned.call_exception_handler, "call_exception_handler") &&
         intern(interned.report_handle, "_report_handle") &&
         intern(interned.call_in_debug_mode, "_call_in_debug_mode") &&
         intern(interned.check_thread, "_check_thread") &&
         intern(interned.check_callback, "_check_callback") && intern(interned.note_source, "_note_source");
}

}  // namespace tidegate::python
