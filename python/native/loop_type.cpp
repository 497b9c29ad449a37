// The methods of tidegate.NativeLoop, as Python calls them.
#include "accepting.hpp"
#include "datagram_part.hpp"
#include "descriptors.hpp"
#include "names.hpp"
#include "native_loop.hpp"
#include "stream_making.hpp"

#include <chrono>
#include <cmath>
#include <limits>
#include <new>
#include <string_view>
#include <utility>

namespace tidegate::python {

namespace {

struct LoopObject {
  PyObject_HEAD PyObject* weak_references;
  alignas(NativeLoop) unsigned char native[sizeof(NativeLoop)];
};

PyTypeObject* loop_type = nullptr;

NativeLoop& native(PyObject* self) noexcept {
  return *std::launder(reinterpret_cast<NativeLoop*>(reinterpret_cast<LoopObject*>(self)->native));
}

// --- arguments ---------------------------------------------------------------------------------------------

/// Whether `name` is "context". Asyncio gives it with every future that is done, each time as the same
/// object.
bool is_context(PyObject* name) noexcept {
  static PyObject* last = nullptr;
  if (name == last) return true;
  if (PyUnicode_CompareWithASCIIString(name, "context") != 0) return false;
  Py_XDECREF(std::exchange(last, Py_NewRef(name)));
  return true;
}

/// `(callback, *arguments, context=None)`, perhaps behind one that is named `first_name`, which goes to
/// `*first`. Both may be given by name. False with an exception set.
bool read_call(const char* method, PyObject* const* arguments, Py_ssize_t count, PyObject* keywords,
               CallTerms& terms, const char* first_name = nullptr, PyObject** first = nullptr) {
  PyObject* const* next = arguments;
  PyObject* const* const end = arguments + count;
  if (first != nullptr && next != end) *first = *next++;
  if (next != end) terms.callback = *next++;
  terms.arguments = next;
  terms.argument_count = end - next;
  for (Py_ssize_t index = 0; keywords != nullptr && index < PyTuple_GET_SIZE(keywords); ++index) {
    PyObject* const name = PyTuple_GET_ITEM(keywords, index);
    const auto is = [name](const char* text) { return PyUnicode_CompareWithASCIIString(name, text) == 0; };
    PyObject** const place = is_context(name)                     ? &terms.context
                             : is("callback")                     ? &terms.callback
                             : first != nullptr && is(first_name) ? first
                                                                  : nullptr;
    if (place == nullptr) {
      PyErr_Format(PyExc_TypeError, "%s() got an unexpected keyword argument '%U'", method, name);
      return false;
    }
    if (*place != nullptr) {
      PyErr_Format(PyExc_TypeError, "%s() got multiple values for argument '%U'", method, name);
      return false;
    }
    *place = arguments[count + index];
  }
  if (terms.callback == nullptr || (first != nullptr && *first == nullptr)) {
    PyErr_Format(PyExc_TypeError, "%s() takes at least %d positional arguments (%zd given)", method,
                 first != nullptr ? 2 : 1, count);
    return false;
  }
  if (terms.context != nullptr && terms.context != Py_None && !PyContext_CheckExact(terms.context)) {
    PyErr_Format(PyExc_TypeError, "%s(): context is %R, expected a contextvars.Context or None", method,
                 terms.context);
    return false;
  }
  return true;
}

/// What debug mode looks at before a callback is scheduled.
bool check_in_debug_mode(PyObject* self, const char* method, PyObject* callback, bool on_any_thread) {
  if (!on_any_thread) {
    const Owned is_right = Owned::take(PyObject_CallMethodNoArgs(self, names().check_thread));
    if (!is_right) return false;
  }
  const Owned name = Owned::take(PyUnicode_FromString(method));
  if (!name) return false;
  return static_cast<bool>(
      Owned::take(PyObject_CallMethodObjArgs(self, names().check_callback, callback, name.get(), nullptr)));
}

bool note_source(PyObject* self, PyObject* handle) {
  return static_cast<bool>(Owned::take(PyObject_CallMethodOneArg(self, names().note_source, handle)));
}

/// In debug mode it knows where it was made. Null, with an exception set, where that fails.
HandlePart* new_noted_handle(PyObject* self, const CallTerms& terms) {
  HandlePart* const handle = new_handle(self, terms);
  if (handle == nullptr || !native(self).debug() || note_source(self, handle->object())) return handle;
  Py_DECREF(handle->object());
  return nullptr;
}

constexpr double kNanosecondsInSecond = 1e9;

/// Never before that time by the loop's clock.
TimePoint time_point_of(double seconds) noexcept {
  const double nanoseconds = std::ceil(seconds * kNanosecondsInSecond);
  // Where a conversion would overflow, or where it is no number: as late as there is a time.
  constexpr auto kLatest = static_cast<double>(std::numeric_limits<Duration::rep>::max() / 2);
  if (!(nanoseconds < kLatest)) return TimePoint(Duration(std::numeric_limits<Duration::rep>::max() / 2));
  if (nanoseconds < 0) return TimePoint(Duration(0));
  return TimePoint(Duration(static_cast<Duration::rep>(nanoseconds)));
}

// --- callbacks ---------------------------------------------------------------------------------------------

PyObject* call_soon(PyObject* self, PyObject* const* arguments, Py_ssize_t count, PyObject* keywords) {
  NativeLoop& loop = native(self);
  CallTerms terms;
  if (!read_call("call_soon", arguments, count, keywords, terms) || !loop.check_open()) return nullptr;
  if (loop.debug() && !check_in_debug_mode(self, "call_soon", terms.callback, false)) return nullptr;
  HandlePart* const handle = new_noted_handle(self, terms);
  if (handle == nullptr) return nullptr;
  loop.core().schedule(*handle);
  return Py_NewRef(handle->object());  // one for the queue, one for the caller
}

PyObject* call_soon_threadsafe(PyObject* self, PyObject* const* arguments, Py_ssize_t count,
                               PyObject* keywords) {
  NativeLoop& loop = native(self);
  CallTerms terms;
  if (!read_call("call_soon_threadsafe", arguments, count, keywords, terms) || !loop.check_open())
    return nullptr;
  if (loop.debug() && !check_in_debug_mode(self, "call_soon_threadsafe", terms.callback, true))
    return nullptr;
  HandlePart* const handle = new_noted_handle(self, terms);
  if (handle == nullptr) return nullptr;
  if (terms.context == nullptr || terms.context == Py_None) handle->hide_context();
  loop.schedule_from_any_thread(*handle);
  return Py_NewRef(handle->object());
}

PyObject* schedule_timer(PyObject* self, const char* method, PyObject* when, const CallTerms& terms) {
  NativeLoop& loop = native(self);
  if (!loop.check_open()) return nullptr;
  if (loop.debug() && !check_in_debug_mode(self, method, terms.callback, false)) return nullptr;
  const double seconds = PyFloat_AsDouble(when);
  if (seconds == -1.0 && PyErr_Occurred() != nullptr) return nullptr;
  HandlePart* const timer = new_timer_handle(self, time_point_of(seconds), when, terms);
  if (timer == nullptr) return nullptr;
  Owned object = Owned::take(timer->object());
  if (loop.debug() && !note_source(self, object.get())) return nullptr;
  return guarded([&]() -> PyObject* {
    loop.core().timers().insert(*timer);
    return Py_NewRef(object.release());  // one for the queue, one for the caller
  });
}

PyObject* call_at(PyObject* self, PyObject* const* arguments, Py_ssize_t count, PyObject* keywords) {
  CallTerms terms;
  PyObject* when = nullptr;
  if (!read_call("call_at", arguments, count, keywords, terms, "when", &when)) return nullptr;
  if (when == Py_None) {
    PyErr_SetString(PyExc_TypeError, "when cannot be None");
    return nullptr;
  }
  return schedule_timer(self, "call_at", when, terms);
}

PyObject* call_later(PyObject* self, PyObject* const* arguments, Py_ssize_t count, PyObject* keywords) {
  CallTerms terms;
  PyObject* seconds = nullptr;
  if (!read_call("call_later", arguments, count, keywords, terms, "delay", &seconds)) return nullptr;
  if (seconds == Py_None) {
    PyErr_SetString(PyExc_TypeError, "delay must not be None");
    return nullptr;
  }
  if (!native(self).check_open()) return nullptr;
  const double delay = PyFloat_AsDouble(seconds);
  if (delay == -1.0 && PyErr_Occurred() != nullptr) return nullptr;
  const Owned when = Owned::take(PyFloat_FromDouble(native(self).now_seconds() + delay));
  return when ? schedule_timer(self, "call_later", when.get(), terms) : nullptr;
}

/// Also of a loop that is closed: programs measure what came before.
PyObject* time(PyObject* self, PyObject*) { return PyFloat_FromDouble(native(self).now_seconds()); }

// --- running -----------------------------------------------------------------------------------------------

PyObject* open_loop(PyObject* self, PyObject* name) {
  return guarded([&]() -> PyObject* {
    const char* const text = PyUnicode_AsUTF8(name);
    if (text == nullptr) return nullptr;
    const std::string_view backend(text);
    if (backend != "auto" && backend != "epoll" && backend != "io_uring") {
      return PyErr_Format(PyExc_ValueError, "backend is %R, expected 'auto', 'epoll' or 'io_uring'", name);
    }
    if (native(self).is_opened()) return PyErr_Format(PyExc_RuntimeError, "%R is open already", self);
    native(self).open(backend == "epoll"      ? BackendKind::epoll
                      : backend == "io_uring" ? BackendKind::io_uring
                                              : BackendKind::automatic);
    Py_RETURN_NONE;
  });
}

/// As asyncio's own, which are Python, and asked for with every future: once for each that a reader waits
/// for.
PyObject* get_debug(PyObject* self, PyObject*) { return PyBool_FromLong(native(self).debug()); }

PyObject* create_future(PyObject* self, PyObject*) {
  // By its module, where a program may have put another one.
  PyObject* const type = PyDict_GetItemWithError(PyModule_GetDict(names().futures), names().future);
  if (type == nullptr) {
    if (PyErr_Occurred() == nullptr) PyErr_SetObject(PyExc_AttributeError, names().future);
    return nullptr;
  }
  const Owned kept = Owned::share(type);
  PyObject* const terms = native(self).terms_of_futures();
  if (terms == nullptr) return nullptr;
  return PyObject_Call(type, names().no_arguments, terms);
}

PyObject* run_once(PyObject* self, PyObject*) { return native(self).run(); }

PyObject* stop(PyObject* self, PyObject*) {
  native(self).stop();
  Py_RETURN_NONE;
}

PyObject* close_native(PyObject* self, PyObject*) {
  return guarded([&]() -> PyObject* {
    native(self).close();
    Py_RETURN_NONE;
  });
}

PyObject* check_closed(PyObject* self, PyObject*) {
  if (!native(self).check_open()) return nullptr;
  Py_RETURN_NONE;
}

PyObject* backend_name(PyObject* self, void*) {
  if (!native(self).check_open()) return nullptr;
  const std::string_view name = native(self).loop().backend_name();
  return PyUnicode_FromStringAndSize(name.data(), static_cast<Py_ssize_t>(name.size()));
}

// --- readers and writers -----------------------------------------------------------------------------------

PyObject* add_watch(PyObject* self, PyObject* const* arguments, Py_ssize_t count, const char* method,
                    kernel::Readiness readiness) {
  NativeLoop& loop = native(self);
  CallTerms terms;
  PyObject* of = nullptr;
  int descriptor = -1;
  if (!read_call(method, arguments, count, nullptr, terms, "fd", &of) || !loop.check_open() ||
      !read_descriptor(of, descriptor)) {
    return nullptr;
  }
  HandlePart* const handle = new_handle(self, terms);
  if (handle == nullptr) return nullptr;
  Owned object = Owned::take(handle->object());
  PyObject_GC_Track(object.get());  // it stays
  if (loop.debug() && !note_source(self, object.get())) return nullptr;
  return guarded([&]() -> PyObject* {
    loop.watched().add(descriptor, readiness, Owned::share(object.get()));
    return object.release();
  });
}

PyObject* remove_watch(PyObject* self, PyObject* of, kernel::Readiness readiness) {
  int descriptor = -1;
  if (native(self).closed_) Py_RETURN_FALSE;
  if (!read_descriptor(of, descriptor)) return nullptr;
  return guarded([&] { return PyBool_FromLong(native(self).watched().remove(descriptor, readiness)); });
}

PyObject* add_reader(PyObject* self, PyObject* const* arguments, Py_ssize_t count) {
  return add_watch(self, arguments, count, "_add_reader", kernel::Readiness::readable);
}
PyObject* add_writer(PyObject* self, PyObject* const* arguments, Py_ssize_t count) {
  return add_watch(self, arguments, count, "_add_writer", kernel::Readiness::writable);
}
PyObject* remove_reader(PyObject* self, PyObject* of) {
  return remove_watch(self, of, kernel::Readiness::readable);
}
PyObject* remove_writer(PyObject* self, PyObject* of) {
  return remove_watch(self, of, kernel::Readiness::writable);
}

PyObject* ensure_no_transport(PyObject* self, PyObject* of) {
  int descriptor = -1;
  if (!read_descriptor(of, descriptor)) return nullptr;
  if (!is_free_descriptor(self, descriptor, of)) return nullptr;
  Py_RETURN_NONE;
}

/// What asyncio asks its selector: (reads, writes).
PyObject* watches_of(PyObject* self, PyObject* of) {
  int descriptor = -1;
  if (!read_descriptor(of, descriptor)) return nullptr;
  const WatchedDescriptors& watched = native(self).watched();
  return Py_BuildValue("(NN)", PyBool_FromLong(watched.contains(descriptor, kernel::Readiness::readable)),
                       PyBool_FromLong(watched.contains(descriptor, kernel::Readiness::writable)));
}

// --- the type ----------------------------------------------------------------------------------------------

PyObject* make_new(PyTypeObject* type, PyObject*, PyObject*) {
  PyObject* const self = type->tp_alloc(type, 0);
  if (self != nullptr) new (reinterpret_cast<LoopObject*>(self)->native) NativeLoop(self);
  return self;
}

int traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  return native(self).traverse(visit, arg);
}

int clear(PyObject* self) {
  native(self).close();
  return 0;
}

void deallocate(PyObject* self) {
  PyTypeObject* const type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  if (reinterpret_cast<LoopObject*>(self)->weak_references != nullptr) PyObject_ClearWeakRefs(self);
  native(self).~NativeLoop();
  type->tp_free(self);
  Py_DECREF(type);
}

template <bool NativeLoop::*Flag>
PyObject* get_flag(PyObject* self, void*) {
  return PyBool_FromLong(native(self).*Flag);
}
template <bool NativeLoop::*Flag>
int set_flag(PyObject* self, PyObject* value, void*) {
  const int is_true = value != nullptr ? PyObject_IsTrue(value) : 0;
  if (is_true < 0) return -1;
  native(self).*Flag = is_true != 0;
  return 0;
}

PyMethodDef methods[] = {
    {"call_soon", as_method(call_soon), METH_FASTCALL | METH_KEYWORDS,
     "call_soon(callback, *args, context=None)\n\nCall it in the loop's next iteration."},
    {"call_soon_threadsafe", as_method(call_soon_threadsafe), METH_FASTCALL | METH_KEYWORDS,
     "call_soon_threadsafe(callback, *args, context=None)\n\nThe same, from any thread."},
    {"call_later", as_method(call_later), METH_FASTCALL | METH_KEYWORDS,
     "call_later(delay, callback, *args, context=None)\n\nCall it after so many seconds."},
    {"call_at", as_method(call_at), METH_FASTCALL | METH_KEYWORDS,
     "call_at(when, callback, *args, context=None)\n\nCall it at a time of the loop's clock."},
    {"time", time, METH_NOARGS, "Return the loop's time: that of time.monotonic()."},
    {"stop", stop, METH_NOARGS, "End run_forever() after the present iteration."},
    {"get_debug", get_debug, METH_NOARGS, "Return True if debug mode is on."},
    {"create_future", create_future, METH_NOARGS, "Return a new future of this loop."},
    {"_open", open_loop, METH_O, nullptr},
    {"_run_once", run_once, METH_NOARGS, nullptr},
    {"_close_native", close_native, METH_NOARGS, nullptr},
    {"_check_closed", check_closed, METH_NOARGS, nullptr},
    {"_add_reader", as_method(add_reader), METH_FASTCALL, nullptr},
    {"_add_writer", as_method(add_writer), METH_FASTCALL, nullptr},
    {"_remove_reader", remove_reader, METH_O, nullptr},
    {"_remove_writer", remove_writer, METH_O, nullptr},
    {"_make_tls_transport", as_method(make_tls_transport), METH_VARARGS | METH_KEYWORDS, nullptr},
    {"_make_tls_upgrade", make_tls_upgrade, METH_VARARGS, nullptr},
    {"_make_socket_transport", as_method(make_socket_transport), METH_VARARGS | METH_KEYWORDS, nullptr},
    {"_make_read_pipe_transport", as_method(make_read_pipe_transport), METH_VARARGS | METH_KEYWORDS, nullptr},
    {"_make_write_pipe_transport", as_method(make_write_pipe_transport), METH_VARARGS | METH_KEYWORDS,
     nullptr},
    {"_accept_connections", as_method(accept_connections), METH_FASTCALL, nullptr},
    {"_make_native_datagram_transport", as_method(make_datagram_transport), METH_VARARGS | METH_KEYWORDS,
     nullptr},
    {"_ensure_fd_no_transport", ensure_no_transport, METH_O, nullptr},
    {"_watches_of", watches_of, METH_O, nullptr},
    {nullptr, nullptr, 0, nullptr}};

PyGetSetDef attributes[] = {
    {"backend_name", backend_name, nullptr, "The kernel interface that the loop stands on.", nullptr},
    {"_debug", get_flag<&NativeLoop::debug_>, set_flag<&NativeLoop::debug_>, nullptr, nullptr},
    {"_closed", get_flag<&NativeLoop::closed_>, set_flag<&NativeLoop::closed_>, nullptr, nullptr},
    {"_stopping", get_flag<&NativeLoop::stopping_>, set_flag<&NativeLoop::stopping_>, nullptr, nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr}};

PyMemberDef members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(LoopObject, weak_references), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr}};

}  // namespace

NativeLoop* NativeLoop::of(PyObject* object) noexcept {
  if (object == nullptr || PyObject_TypeCheck(object, loop_type) == 0) return nullptr;
  return &native(object);
}

NativeLoop& NativeLoop::of_loop(PyObject* loop) noexcept { return native(loop); }

bool prepare_loop(PyObject* module) {
  PyType_Slot slots[] = {{Py_tp_new, as_slot(make_new)},
                         {Py_tp_dealloc, as_slot(deallocate)},
                         {Py_tp_traverse, as_slot(traverse)},
                         {Py_tp_clear, as_slot(clear)},
                         {Py_tp_methods, methods},
                         {Py_tp_getset, attributes},
                         {Py_tp_members, members},
                         {0, nullptr}};
  PyType_Spec spec = {"tidegate._native.NativeLoop", sizeof(LoopObject), 0,
                      Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE, slots};
  loop_type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
  return loop_type != nullptr &&
         PyModule_AddObjectRef(module, "NativeLoop", reinterpret_cast<PyObject*>(loop_type)) == 0;
}

}  // namespace tidegate::python
