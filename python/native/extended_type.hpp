// Types of ours that derive from classes written in Python, and keep something of their own behind what those
// keep: so `isinstance` holds, and what is not ours is theirs.
#pragma once

#include "python.hpp"

#include <cstddef>
#include <new>

namespace tidegate::python {

/// Where in an object of a Python class with __slots__ one of them lies. Such a class has no other way of
/// keeping its attributes, so that is as good as a public name.
class SlotOfClass {
 public:
  /// Looks `name` up in `type`. False, with ImportError set, where it is no such slot.
  [[nodiscard]] bool find(PyTypeObject* type, const char* name);

  /// One whose place the type itself tells. False, with ImportError set, where it tells none.
  [[nodiscard]] bool at(Py_ssize_t offset);

  [[nodiscard]] PyObject*& of(PyObject* object) const noexcept {
    return *reinterpret_cast<PyObject**>(reinterpret_cast<char*>(object) + offset_);
  }
  /// Puts `value`, or null, there.
  void set(PyObject* object, Owned value) const noexcept {
    PyObject* const old = std::exchange(of(object), value.release());
    Py_XDECREF(old);
  }

 private:
  Py_ssize_t offset_ = 0;
};

/// What a part may begin with, for objects that can be referred to weakly and be given attributes.
struct Attachments {
  PyObject* weak_references = nullptr;
  PyObject* dictionary = nullptr;
};

/// The part of ours in objects of a type that derives from one written in Python.
template <typename Part>
class ExtendedType {
 public:
  /// Makes the type. `spec`'s size is that of the part; `base` is a class written in Python. Null, with an
  /// exception set, where that fails.
  [[nodiscard]] PyTypeObject* make(const PyType_Spec& spec, PyObject* base) {
    return make(spec, base, offset_behind(base));
  }
  /// The same with a place of the part's that several types share. REQUIRES: `offset` is behind `base`.
  [[nodiscard]] PyTypeObject* make(PyType_Spec spec, PyObject* base, std::size_t offset) {
    offset_ = offset;
    spec.basicsize = static_cast<int>(offset_ + sizeof(Part));
    const Owned bases = Owned::take(PyTuple_Pack(1, base));
    if (!bases) return nullptr;
    type_ = reinterpret_cast<PyTypeObject*>(PyType_FromSpecWithBases(&spec, bases.get()));
    return type_;
  }

  /// Where the part lies in objects of a type that derives from `base`.
  [[nodiscard]] static std::size_t offset_behind(PyObject* base) noexcept {
    const auto size_of_base = static_cast<std::size_t>(reinterpret_cast<PyTypeObject*>(base)->tp_basicsize);
    return (size_of_base + alignof(Part) - 1) / alignof(Part) * alignof(Part);
  }

  [[nodiscard]] PyTypeObject* type() const noexcept { return type_; }
  [[nodiscard]] std::size_t offset() const noexcept { return offset_; }
  [[nodiscard]] bool is(PyObject* object) const noexcept { return PyObject_TypeCheck(object, type_) != 0; }

  [[nodiscard]] Part& part(PyObject* object) const noexcept {
    return *std::launder(reinterpret_cast<Part*>(reinterpret_cast<char*>(object) + offset_));
  }
  [[nodiscard]] void* memory_of_part(PyObject* object) const noexcept {
    return reinterpret_cast<char*>(object) + offset_;
  }
  [[nodiscard]] PyObject* object(const Part& part) const noexcept {
    return reinterpret_cast<PyObject*>(const_cast<char*>(reinterpret_cast<const char*>(&part)) - offset_);
  }

 private:
  PyTypeObject* type_ = nullptr;
  std::size_t offset_ = 0;
};

}  // namespace tidegate::python
