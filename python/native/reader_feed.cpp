// What arrives for an asyncio.StreamReader: see reader_feed.hpp. Which functions this stands for is written
// in python/tidegate/_reader.py.
#include "reader_feed.hpp"

#include "into_python.hpp"
#include "names.hpp"

#include <array>
#include <cstring>

namespace tidegate::python {

namespace {

/// A function that is not called, and what it was made of: either can be replaced.
struct KnownFunction {
  PyObject* function = nullptr;
  PyObject* code = nullptr;

  [[nodiscard]] bool is_as_known() const noexcept {
    return reinterpret_cast<PyFunctionObject*>(function)->func_code == code;
  }
};

/// A class none of whose attributes, or whose bases', has changed: any change takes its version away.
struct KnownClass {
  PyTypeObject* type = nullptr;
  unsigned int version = 0;

  [[nodiscard]] bool is_of(PyObject* object) const noexcept {
    return Py_TYPE(object) == type && type->tp_version_tag == version;
  }
};

enum Function : unsigned char { data_received, stream_reader, feed_data, wakeup_waiter, count };

struct {
  KnownClass protocol, reader;
  std::array<KnownFunction, Function::count> functions;

  [[nodiscard]] bool has_all_functions() const noexcept {
    for (const KnownFunction& each : functions) {
      if (!each.is_as_known()) return false;
    }
    return true;
  }
} known;

/// Whoever follows every call is to see these as well.
bool somebody_looks() noexcept {
  const PyThreadState* const state = PyThreadState_Get();
  return state->c_tracefunc != nullptr || state->c_profilefunc != nullptr;
}

Owned attribute(PyObject* object, PyObject* name) noexcept {
  Owned value = Owned::take(PyObject_GetAttr(object, name));
  if (!value) PyErr_Clear();  // whoever is called will miss it as well
  return value;
}

/// Whether `object.name` is its class's `function`, and nothing of its own.
bool is_of_class(PyObject* object, PyObject* name, Function function) noexcept {
#if PY_VERSION_HEX < 0x030D0000
  PyObject* found = nullptr;
  const bool is_unbound = _PyObject_GetMethod(object, name, &found) != 0;
  const Owned method = Owned::take(found);
  if (!method) PyErr_Clear();
  return is_unbound && found == known.functions[function].function;
#else
  const Owned method = attribute(object, name);
  return method && PyMethod_Check(method.get()) &&
         PyMethod_Function(method.get()) == known.functions[function].function;
#endif
}

/// What a weak reference refers to; null where it has gone, or where `reference` is no such.
Owned referred_to(const Owned& reference) noexcept {
  if (!reference || PyWeakref_CheckRefExact(reference.get()) == 0) return {};
#if PY_VERSION_HEX < 0x030D0000
  PyObject* const object = PyWeakref_GetObject(reference.get());
  return object == Py_None ? Owned() : Owned::share(object);
#else
  PyObject* object = nullptr;
  static_cast<void>(PyWeakref_GetRef(reference.get(), &object));
  return Owned::take(object);
#endif
}

/// Whether so many bytes more can go into `buffer`, and nobody has to be paused then.
bool has_room(PyObject* buffer, PyObject* limit, std::size_t size_bytes) noexcept {
  if (!PyByteArray_CheckExact(buffer) || reinterpret_cast<PyByteArrayObject*>(buffer)->ob_exports != 0)
    return false;
  if (!PyLong_CheckExact(limit)) return false;
  const Py_ssize_t limit_bytes = PyLong_AsSsize_t(limit);
  if (limit_bytes < 0) {
    PyErr_Clear();
    return false;
  }
  return static_cast<std::size_t>(PyByteArray_GET_SIZE(buffer)) + size_bytes <=
         2 * static_cast<std::size_t>(limit_bytes);
}

}  // namespace

bool ReaderFeed::stands_for(PyObject* method) noexcept {
  return known.protocol.type != nullptr && method != nullptr && PyMethod_Check(method) &&
         PyMethod_Function(method) == known.functions[data_received].function;
}

ReaderFeed::ReaderFeed(PyObject* protocol, std::size_t size_bytes) noexcept {
  if (!known.protocol.is_of(protocol) || !known.has_all_functions() || somebody_looks()) return;
  reader_ = referred_to(attribute(protocol, names().stream_reader_reference));
  if (!reader_ || !known.reader.is_of(reader_.get())) return;
  PyObject* const reader = reader_.get();
  if (!is_of_class(reader, names().feed_data, Function::feed_data) ||
      !is_of_class(reader, names().wakeup_waiter, Function::wakeup_waiter)) {
    return;
  }
  buffer_ = attribute(reader, names().buffer);
  const Owned limit = attribute(reader, names().limit);
  const Owned eof = attribute(reader, names().eof);
  if (!buffer_ || !limit || eof.get() != Py_False || !has_room(buffer_.get(), limit.get(), size_bytes))
    return;
  waiter_ = attribute(reader, names().waiter);
}

Owned ReaderFeed::feed(BytesView data) const {
  PyObject* const buffer = buffer_.get();
  const Py_ssize_t size = PyByteArray_GET_SIZE(buffer);
  if (PyByteArray_Resize(buffer, size + static_cast<Py_ssize_t>(data.size())) < 0) return {};
  std::memcpy(PyByteArray_AS_STRING(buffer) + size, data.data(), data.size());
  PyObject* const waiter = waiter_.get();
  if (waiter == Py_None) return Owned::share(Py_None);
  if (PyObject_SetAttr(reader_.get(), names().waiter, Py_None) < 0) return {};
  const Owned cancelled = call_method(waiter, names().cancelled);
  const int is_cancelled = cancelled ? PyObject_IsTrue(cancelled.get()) : -1;
  if (is_cancelled < 0) return {};
  if (is_cancelled != 0) return Owned::share(Py_None);
  return Owned::take(
      into_python([&] { return PyObject_CallMethodOneArg(waiter, names().set_result, Py_None); }));
}

bool prepare_reader_feed() {
  const Owned module = Owned::take(PyImport_ImportModule("tidegate._reader"));
  const Owned found =
      Owned::take(module ? PyObject_CallMethod(module.get(), "known_reader", nullptr) : nullptr);
  if (!found) return false;
  if (found.get() == Py_None) return true;  // everything is called
  PyObject* protocol = nullptr;
  PyObject* reader = nullptr;
  auto& functions = known.functions;
  if (PyArg_ParseTuple(found.get(), "O!O!O!O!O!O!", &PyType_Type, &protocol, &PyType_Type, &reader,
                       &PyFunction_Type, &functions[data_received].function,        //
                       &PyFunction_Type, &functions[stream_reader].function,        //
                       &PyFunction_Type, &functions[Function::feed_data].function,  //
                       &PyFunction_Type, &functions[Function::wakeup_waiter].function) == 0) {
    return false;
  }
  for (KnownFunction& each : functions) {
    Py_INCREF(each.function);
    each.code = Py_NewRef(PyFunction_GetCode(each.function));
  }
  for (auto [which, type] : {std::pair(&known.protocol, protocol), std::pair(&known.reader, reader)}) {
    // What is looked up gives a class its version.
    const Owned looked_up = Owned::take(PyObject_GetAttr(type, names().data_received));
    PyErr_Clear();
    which->type = reinterpret_cast<PyTypeObject*>(Py_NewRef(type));
    which->version = which->type->tp_version_tag;
  }
  // There is an end to the versions that one process can give.
  if (known.protocol.version == 0 || known.reader.version == 0) known.protocol.type = nullptr;
  return true;
}

}  // namespace tidegate::python
