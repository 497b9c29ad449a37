// CPython's own header, and who owns what of its objects. Knows no asyncio.
#pragma once

#define PY_SSIZE_T_CLEAN
#include <Python.h>
// PyMemberDef's types have this home up to 3.11; later ones include it themselves.
#include <utility>

#include <structmember.h>

namespace tidegate::python {

/// One reference to a Python object, or none. Every use needs the interpreter's lock.
class Owned {
 public:
  Owned() noexcept = default;
  /// Takes over a reference, or null, as a function returns that gives a new one.
  [[nodiscard]] static Owned take(PyObject* object) noexcept { return Owned(object); }
  /// A reference of its own to what somebody else holds; null stays null.
  [[nodiscard]] static Owned share(PyObject* object) noexcept { return Owned(Py_XNewRef(object)); }

  Owned(Owned&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Owned& operator=(Owned&& other) noexcept {
    PyObject* const old = std::exchange(object_, std::exchange(other.object_, nullptr));
    Py_XDECREF(old);  // last: it may run any code, which may look here
    return *this;
  }
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  ~Owned() { Py_XDECREF(object_); }

  [[nodiscard]] PyObject* get() const noexcept { return object_; }
  [[nodiscard]] PyObject* release() noexcept { return std::exchange(object_, nullptr); }
  [[nodiscard]] PyObject* new_reference() const noexcept { return Py_XNewRef(object_); }
  void reset() noexcept { *this = Owned(); }
  explicit operator bool() const noexcept { return object_ != nullptr; }

 private:
  explicit Owned(PyObject* object) noexcept : object_(object) {}

  PyObject* object_ = nullptr;
};

/// A method of CPython's table, whatever its calling convention.
template <typename Function>
[[nodiscard]] PyCFunction as_method(Function* function) noexcept {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(function));
}

/// A slot of a type.
template <typename Function>
[[nodiscard]] void* as_slot(Function* function) noexcept {
  return reinterpret_cast<void*>(function);
}

}  // namespace tidegate::python
