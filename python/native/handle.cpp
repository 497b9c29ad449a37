// Handles: see handle.hpp.
#include "handle.hpp"

#include "into_python.hpp"
#include "native_loop.hpp"
#include "python_error.hpp"

#include <algorithm>
#include <new>
#include <utility>

namespace tidegate::python {

namespace {

ExtendedType<HandlePart> handle_type;
ExtendedType<HandlePart> timer_handle_type;

/// The attributes of asyncio.Handle and asyncio.TimerHandle.
struct {
  SlotOfClass callback, arguments, cancelled, loop, source_traceback, repr, weak_references, context;
  SlotOfClass scheduled, when;

  bool find(PyTypeObject* handle, PyTypeObject* timer_handle) {
    return callback.find(handle, "_callback") && arguments.find(handle, "_args") &&
           cancelled.find(handle, "_cancelled") && loop.find(handle, "_loop") &&
           source_traceback.find(handle, "_source_traceback") && repr.find(handle, "_repr") &&
           context.find(handle, "_context") && weak_references.at(handle->tp_weaklistoffset) &&
           scheduled.find(timer_handle, "_scheduled") && when.find(timer_handle, "_when");
  }
} slots;

const ExtendedType<HandlePart>& type_of(PyObject* object) noexcept {
  return Py_TYPE(object) == timer_handle_type.type() ? timer_handle_type : handle_type;
}
bool is_timer(PyObject* object) noexcept { return Py_TYPE(object) == timer_handle_type.type(); }
HandlePart& part_of(PyObject* object) noexcept { return type_of(object).part(object); }

/// Objects that have gone and whose memory waits for the next one of the kind: nearly every callback needs
/// one, for a moment.
class SpareObjects {
 public:
  [[nodiscard]] PyObject* take(PyTypeObject* type) noexcept {
    if (first_ == nullptr) return nullptr;
    PyObject* const object = std::exchange(first_, *next_of(first_));
    *next_of(object) = nullptr;
    --count_;
    Py_SET_TYPE(object, type);
    Py_INCREF(type);
    _Py_NewReference(object);
    return object;
  }
  /// False: there are enough.
  [[nodiscard]] bool keep(PyObject* object) noexcept {
    if (count_ == kMost) return false;
    *next_of(object) = first_;
    first_ = object;
    ++count_;
    return true;
  }

 private:
  /// What another thread schedules while it has the interpreter's lock for itself: 3 MiB.
  static constexpr int kMost = 16384;
  /// In the place of an attribute, all of which are null.
  static PyObject** next_of(PyObject* object) noexcept { return &slots.callback.of(object); }

  PyObject* first_ = nullptr;
  int count_ = 0;
};

SpareObjects spare_handles;
SpareObjects spare_timer_handles;

PyObject* new_object(const ExtendedType<HandlePart>& type, SpareObjects& spare, HandlePart::Kind kind,
                     TimePoint when) {
  PyObject* object = spare.take(type.type());
  if (object == nullptr) {
    object = type.type()->tp_alloc(type.type(), 0);
    if (object == nullptr) return nullptr;
    PyObject_GC_UnTrack(object);  // until it is whole
  }
  new (type.memory_of_part(object)) HandlePart(kind, when);
  return object;
}

/// Whether a copy of the present context would be an empty one, as every other: of that nobody needs a copy.
bool is_present_context_empty() noexcept {
  PyObject* const context = PyThreadState_Get()->context;
  return context == nullptr || PyObject_Size(context) == 0;
}

/// Whether a callback has left nothing in the context that it ran in, which only its handle and its caller
/// have: nor a token of what it once set.
bool is_as_good_as_new(PyObject* context) noexcept {
  return context != nullptr && Py_REFCNT(context) == 2 && PyObject_Size(context) == 0;
}

// --- slots -------------------------------------------------------------------------------------------------

/// What all of them may hold, beside the context.
constexpr const SlotOfClass* kHeld[] = {&slots.callback,         &slots.arguments, &slots.loop,
                                        &slots.source_traceback, &slots.repr,      &slots.cancelled};

void let_go_of(const SlotOfClass& slot, PyObject* self) noexcept {
  PyObject* const held = std::exchange(slot.of(self), nullptr);
  Py_XDECREF(held);
}

int traverse_object(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  for (const SlotOfClass* slot : kHeld) Py_VISIT(slot->of(self));
  if (const int stop = part_of(self).traverse_context(visit, arg); stop != 0) return stop;
  return part_of(self).traverse(visit, arg);
}

int clear(PyObject* self) {
  for (const SlotOfClass* slot : kHeld) let_go_of(*slot, self);
  let_go_of(slots.context, self);
  if (is_timer(self)) {
    let_go_of(slots.scheduled, self);
    let_go_of(slots.when, self);
  }
  part_of(self).clear();
  return 0;
}

void deallocate(PyObject* self) {
  PyObject_GC_UnTrack(self);
  PyTypeObject* const type = Py_TYPE(self);
  if (slots.weak_references.of(self) != nullptr) PyObject_ClearWeakRefs(self);
  clear(self);
  if (!(is_timer(self) ? spare_timer_handles : spare_handles).keep(self)) type->tp_free(self);
  Py_DECREF(type);
}

PyObject* cancel(PyObject* self, PyObject*) {
  part_of(self).cancel();
  if (PyErr_Occurred() != nullptr) return nullptr;
  Py_RETURN_NONE;
}

PyObject* cancelled(PyObject* self, PyObject*) { return PyBool_FromLong(part_of(self).cancelled()); }

PyObject* run_now(PyObject* self, PyObject*) {
  part_of(self).call();
  Py_RETURN_NONE;
}

PyObject* get_arguments(PyObject* self, void*) { return part_of(self).arguments_as_tuple(); }

PyObject* get_context(PyObject* self, void*) { return part_of(self).context(); }

PyObject* when(PyObject* self, PyObject*) { return Py_NewRef(slots.when.of(self)); }

PyMethodDef handle_methods[] = {
    {"cancel", cancel, METH_NOARGS, "Cancel the callback: it is not called any more."},
    {"cancelled", cancelled, METH_NOARGS, "Return True if the callback was cancelled."},
    {"_run", run_now, METH_NOARGS, nullptr},
    {nullptr, nullptr, 0, nullptr}};
PyMethodDef timer_handle_methods[] = {
    {"cancel", cancel, METH_NOARGS, "Cancel the callback: it is not called any more."},
    {"cancelled", cancelled, METH_NOARGS, "Return True if the callback was cancelled."},
    {"_run", run_now, METH_NOARGS, nullptr},
    {"when", when, METH_NOARGS, "Return the time of the callback, by the loop's clock."},
    {nullptr, nullptr, 0, nullptr}};
PyGetSetDef attributes[] = {{"_args", get_arguments, nullptr, nullptr, nullptr},
                            {"_context", get_context, nullptr, nullptr, nullptr},
                            {nullptr, nullptr, nullptr, nullptr, nullptr}};

PyTypeObject* make_type(ExtendedType<HandlePart>& type, const char* name, PyMethodDef* methods,
                        PyObject* base) {
  PyType_Slot type_slots[] = {
      {Py_tp_dealloc, as_slot(deallocate)}, {Py_tp_traverse, as_slot(traverse_object)},
      {Py_tp_clear, as_slot(clear)},        {Py_tp_methods, methods},
      {Py_tp_getset, attributes},           {0, nullptr}};
  const PyType_Spec spec = {
      name, 0, 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION, type_slots};
  return type.make(spec, base);
}

}  // namespace

// --- the part ----------------------------------------------------------------------------------------------

PyObject* HandlePart::object() const noexcept {
  return (kind_ == Kind::timer_handle ? timer_handle_type : handle_type).object(*this);
}

HandlePart& HandlePart::of(PyObject* handle) noexcept { return part_of(handle); }

bool HandlePart::set_up(PyObject* loop, const CallTerms& terms) {
  PyObject* const self = object();
  const bool is_given = terms.context != nullptr && terms.context != Py_None;
  if (is_given) {
    slots.context.of(self) = Py_NewRef(terms.context);
  } else if (!is_present_context_empty()) {
    slots.context.of(self) = PyContext_CopyCurrent();
    if (slots.context.of(self) == nullptr) return false;
  }
  slots.callback.of(self) = Py_NewRef(terms.callback);
  slots.cancelled.of(self) = Py_NewRef(Py_False);
  slots.loop.of(self) = Py_NewRef(loop);
  loop_ = &NativeLoop::of_loop(loop);
  slots.source_traceback.of(self) = Py_NewRef(Py_None);
  slots.repr.of(self) = Py_NewRef(Py_None);
  argument_count_ = terms.argument_count;
  if (argument_count_ > kInlineArguments) {
    PyObject* const tuple = PyTuple_New(argument_count_);
    if (tuple == nullptr) return false;
    for (Py_ssize_t index = 0; index < argument_count_; ++index) {
      PyTuple_SET_ITEM(tuple, index, Py_NewRef(terms.arguments[index]));
    }
    slots.arguments.of(self) = tuple;
  } else {
    for (Py_ssize_t index = 0; index < argument_count_; ++index) {
      arguments_[1 + index] = Py_NewRef(terms.arguments[index]);
    }
  }
  return true;
}

int HandlePart::traverse_queued(visitproc visit, void* arg) const {
  PyObject* const self = object();
  // Where nobody else has it, what it holds is held by the queue.
  if (Py_REFCNT(self) == 1 && PyObject_GC_IsTracked(self) == 0) return traverse_object(self, visit, arg);
  Py_VISIT(self);
  return 0;
}

void HandlePart::hide_context() noexcept {
  PyObject* const context = slots.context.of(object());
  if (context == nullptr) return;
  PyObject_GC_UnTrack(context);
  context_is_hidden_ = true;
}

/// What a hidden one holds is held by whoever has it.
int HandlePart::traverse_context(visitproc visit, void* arg) const {
  PyObject* const context = slots.context.of(object());
  if (context_is_hidden_ && Py_REFCNT(context) == 1)
    return Py_TYPE(context)->tp_traverse(context, visit, arg);
  Py_VISIT(context);
  return 0;
}

int HandlePart::traverse(visitproc visit, void* arg) const {
  for (PyObject* argument : arguments_) Py_VISIT(argument);
  return 0;
}

void HandlePart::clear() noexcept {
  for (PyObject*& argument : arguments_) {
    if (argument != nullptr) Py_DECREF(std::exchange(argument, nullptr));
  }
}

/// Once somebody has seen the context it is this handle's for ever.
PyObject* HandlePart::context() {
  context_was_seen_ = true;
  PyObject*& context = slots.context.of(object());
  if (context == nullptr) context = PyContext_New();
  return Py_XNewRef(context);
}

PyObject* HandlePart::arguments_as_tuple() const {
  PyObject* const self = object();
  if (slots.callback.of(self) == Py_None) Py_RETURN_NONE;
  if (slots.arguments.of(self) != nullptr) return Py_NewRef(slots.arguments.of(self));
  PyObject* const tuple = PyTuple_New(argument_count_);
  if (tuple == nullptr) return nullptr;
  for (Py_ssize_t index = 0; index < argument_count_; ++index) {
    PyTuple_SET_ITEM(tuple, index, Py_NewRef(arguments_[1 + index]));
  }
  return tuple;
}

/// One that the collector has emptied is called no more either.
bool HandlePart::cancelled() const noexcept { return slots.cancelled.of(object()) != Py_False; }

void HandlePart::cancel() {
  PyObject* const self = object();
  if (cancelled()) return;
  const Owned keep = Owned::share(self);
  slots.cancelled.set(self, Owned::share(Py_True));
  if (loop_->debug()) {
    // So that a warning of a slow callback can still name it.
    Owned text = Owned::take(PyObject_Repr(self));
    if (!text) return;
    slots.repr.set(self, std::move(text));
  }
  slots.callback.set(self, Owned::share(Py_None));
  slots.arguments.set(self, Owned());
  clear();
  if (kind_ == Kind::timer_handle) slots.scheduled.set(self, Owned::share(Py_False));
  if (!is_waiting()) return;
  stop_waiting();
  leave_queue();
}

void HandlePart::discard() noexcept { leave_queue(); }

/// The garbage collector need not look at what is queued: that is held by its loop, which tells it, and is
/// mostly gone before the collector comes. What somebody else keeps may be a part of a cycle from now on.
void HandlePart::leave_queue() noexcept {
  PyObject* const self = object();
  if (std::exchange(context_is_hidden_, false)) PyObject_GC_Track(slots.context.of(self));
  if (Py_REFCNT(self) > 1 && PyObject_GC_IsTracked(self) == 0) PyObject_GC_Track(self);
  Py_DECREF(self);
}

void HandlePart::run() {
  PyObject* const self = object();
  if (kind_ == Kind::timer_handle) slots.scheduled.set(self, Owned::share(Py_False));
  call();
  leave_queue();
}

void HandlePart::call() {
  PyObject* const self = object();
  if (cancelled()) return;
  NativeLoop& loop = *loop_;
  loop.lent_buffer.release();
  if (loop.debug()) [[unlikely]]
    return loop.call_in_debug_mode(self);
  // It may be cancelled from inside, which lets go of all this.
  const Owned callback = Owned::share(slots.callback.of(self));
  const bool was_empty = slots.context.of(self) == nullptr;
  if (was_empty) slots.context.of(self) = loop.take_empty_context();
  Owned context = Owned::share(slots.context.of(self));
  PyObject* result = nullptr;
  if (context && PyContext_Enter(context.get()) == 0) {
    if (slots.arguments.of(self) != nullptr) {
      const Owned arguments = Owned::share(slots.arguments.of(self));
      result = into_python([&] { return PyObject_Call(callback.get(), arguments.get(), nullptr); });
    } else {
      PyObject* arguments[1 + kInlineArguments];
      std::copy(std::begin(arguments_), std::end(arguments_), std::begin(arguments));
      const Py_ssize_t count = argument_count_;
      for (Py_ssize_t index = 1; index <= count; ++index) Py_INCREF(arguments[index]);
      result = into_python([&] {
        return PyObject_Vectorcall(callback.get(), arguments + 1,
                                   static_cast<std::size_t>(count) | PY_VECTORCALL_ARGUMENTS_OFFSET, nullptr);
      });
      for (Py_ssize_t index = 1; index <= count; ++index) Py_DECREF(arguments[index]);
    }
    if (result == nullptr) {
      const PendingError error;
      PyContext_Exit(context.get());
    } else {
      PyContext_Exit(context.get());
    }
  }
  if (result != nullptr) {
    Py_DECREF(result);
  } else {
    loop.handle_failed(self);
  }
  // Emptied from inside, it is not kept either.
  if (was_empty && !context_was_seen_ && slots.context.of(self) == context.get() &&
      is_as_good_as_new(context.get())) {
    slots.context.set(self, Owned());
    loop.keep_empty_context(std::move(context));
  }
}

// --- making them -------------------------------------------------------------------------------------------

bool prepare_handles(PyObject* module) {
  const Owned events = Owned::take(PyImport_ImportModule("asyncio.events"));
  if (!events) return false;
  const Owned handle = Owned::take(PyObject_GetAttrString(events.get(), "Handle"));
  const Owned timer_handle = Owned::take(PyObject_GetAttrString(events.get(), "TimerHandle"));
  if (!handle || !timer_handle) return false;
  if (!slots.find(reinterpret_cast<PyTypeObject*>(handle.get()),
                  reinterpret_cast<PyTypeObject*>(timer_handle.get()))) {
    return false;
  }
  PyTypeObject* const ours = make_type(handle_type, "tidegate._native.Handle", handle_methods, handle.get());
  if (ours == nullptr || PyModule_AddObjectRef(module, "Handle", reinterpret_cast<PyObject*>(ours)) < 0) {
    return false;
  }
  PyTypeObject* const timers =
      make_type(timer_handle_type, "tidegate._native.TimerHandle", timer_handle_methods, timer_handle.get());
  return timers != nullptr &&
         PyModule_AddObjectRef(module, "TimerHandle", reinterpret_cast<PyObject*>(timers)) == 0;
}

HandlePart* new_handle(PyObject* loop, const CallTerms& terms) {
  PyObject* const object = new_object(handle_type, spare_handles, HandlePart::Kind::handle, TimePoint());
  if (object == nullptr) return nullptr;
  HandlePart& part = handle_type.part(object);
  if (part.set_up(loop, terms)) return &part;
  Py_DECREF(object);
  return nullptr;
}

HandlePart* new_timer_handle(PyObject* loop, TimePoint when, PyObject* when_seconds, const CallTerms& terms) {
  PyObject* const object =
      new_object(timer_handle_type, spare_timer_handles, HandlePart::Kind::timer_handle, when);
  if (object == nullptr) return nullptr;
  HandlePart& part = timer_handle_type.part(object);
  const bool is_whole = part.set_up(loop, terms);
  slots.when.of(object) = Py_NewRef(when_seconds);
  slots.scheduled.of(object) = Py_NewRef(Py_True);
  if (is_whole) return &part;
  Py_DECREF(object);
  return nullptr;
}

}  // namespace tidegate::python
