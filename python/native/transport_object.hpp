// What the Python objects of transports have in common, of whatever kind: their life, their name, None for
// what is not there.
#pragma once

#include "extended_type.hpp"
#include "python.hpp"

#include <cstddef>
#include <cstring>

namespace tidegate::python {

/// The slots of a type whose objects carry a Part with Attachments, and asyncio's `_extra`.
template <typename Part, Part& (*PartOf)(PyObject*) noexcept, const SlotOfClass& Extra>
struct TransportObject {
  static int traverse(PyObject* self, visitproc visit, void* arg) {
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(Extra.of(self));
    Py_VISIT(PartOf(self).attachments.dictionary);
    return PartOf(self).traverse(visit, arg);
  }

  static int clear(PyObject* self) {
    Extra.set(self, Owned());
    Py_CLEAR(PartOf(self).attachments.dictionary);
    PartOf(self).clear();
    return 0;
  }

  static void deallocate(PyObject* self) {
    PyTypeObject* const type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    if (PartOf(self).attachments.weak_references != nullptr) PyObject_ClearWeakRefs(self);
    clear(self);
    PartOf(self).~Part();
    type->tp_free(self);
    Py_DECREF(type);
  }

  /// What is said of a type that is not the same for all.
  struct Description {
    const char* name;
    PyMethodDef* methods;
    PyGetSetDef* attributes;
    reprfunc represent;
  };

  /// Makes `type`, whose parts lie at `offset`. Null with an exception set.
  [[nodiscard]] static PyTypeObject* make_type(ExtendedType<Part>& type, const Description& description,
                                               PyObject* base, std::size_t offset) {
    const auto place = static_cast<Py_ssize_t>(offset);
    PyMemberDef members[] = {
        {"__weaklistoffset__", T_PYSSIZET, place, READONLY, nullptr},
        {"__dictoffset__", T_PYSSIZET, place + Py_ssize_t{sizeof(PyObject*)}, READONLY, nullptr},
        {nullptr, 0, 0, 0, nullptr}};
    PyType_Slot slots[] = {{Py_tp_dealloc, as_slot(deallocate)},
                           {Py_tp_traverse, as_slot(traverse)},
                           {Py_tp_clear, as_slot(clear)},
                           {Py_tp_repr, as_slot(description.represent)},
                           {Py_tp_methods, description.methods},
                           {Py_tp_getset, description.attributes},
                           {Py_tp_members, members},
                           {0, nullptr}};
    const PyType_Spec spec = {description.name, 0, 0,
                              Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                              slots};
    return type.make(spec, base, offset);
  }
};

/// Of its type, without that of the module.
[[nodiscard]] inline const char* name_of_type(PyObject* self) noexcept {
  const char* const dot = std::strrchr(Py_TYPE(self)->tp_name, '.');
  return dot != nullptr ? dot + 1 : Py_TYPE(self)->tp_name;
}

/// A new reference.
[[nodiscard]] inline PyObject* or_none(PyObject* object) noexcept {
  return Py_NewRef(object != nullptr ? object : Py_None);
}

}  // namespace tidegate::python
