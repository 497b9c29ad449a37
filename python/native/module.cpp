// The extension module tidegate._native.
#include "datagram_part.hpp"
#include "handle.hpp"
#include "logging.hpp"
#include "names.hpp"
#include "native_loop.hpp"
#include "python.hpp"
#include "reader_feed.hpp"
#include "stream_type.hpp"

namespace tidegate::python {

namespace {

int execute(PyObject* module) {
  // Types, spare objects and names are the process's, not an interpreter's.
  if (PyInterpreterState_Get() != PyInterpreterState_Main()) {
    PyErr_SetString(PyExc_ImportError,
                    "tidegate can be used by the main interpreter only, not by subinterpreters");
    return -1;
  }
  // Somebody has thrown away what sys.modules had, and imports us again: of each type there is one.
  static PyObject* first = nullptr;
  if (first != nullptr) return PyDict_Merge(PyModule_GetDict(module), PyModule_GetDict(first), 0);
  const bool is_prepared = prepare_names() && prepare_handles(module) && prepare_loop(module) &&
                           prepare_reader_feed() && prepare_streams(module) && prepare_datagrams(module) &&
                           prepare_logging();
  if (!is_prepared) return -1;
  first = Py_NewRef(module);
  return 0;
}

PyModuleDef_Slot slots[] = {{Py_mod_exec, as_slot(execute)},
#if PY_VERSION_HEX >= 0x030C0000
                            {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED},
#endif
                            {0, nullptr}};

PyModuleDef definition = {PyModuleDef_HEAD_INIT,
                          "tidegate._native",
                          "The native half of tidegate.",
                          0,
                          nullptr,
                          slots,
                          nullptr,
                          nullptr,
                          nullptr};

}  // namespace

}  // namespace tidegate::python

PyMODINIT_FUNC PyInit__native() { return PyModuleDef_Init(&tidegate::python::definition); }
