// The methods of stream transports, as Python calls them: asyncio.Transport, ReadTransport, WriteTransport.
// How they are made is in stream_making.cpp.
#include "stream_type.hpp"

#include <tidegate/chunk.hpp>

#include "bytes_chunk.hpp"
#include "names.hpp"
#include "python_error.hpp"
#include "stream_part.hpp"
#include "transport_object.hpp"
#include "write_limits.hpp"

#include <optional>
#include <string>
#include <vector>

namespace tidegate::python {

namespace {

StreamTypes types;

/// asyncio.BaseTransport keeps there what get_extra_info gives.
SlotOfClass extra_slot;

StreamPart& part_of(PyObject* object) noexcept { return types.socket.part(object); }

// --- writing -----------------------------------------------------------------------------------------------

void refuse_data(PyObject* data) {
  PyErr_Format(PyExc_TypeError, "data argument must be a bytes-like object, not '%s'",
               Py_TYPE(data)->tp_name);
  throw_python_error();
}

void write_object(transport::InnerTransport& core, PyObject* data) {
  if (PyBytes_Check(data)) {
    const auto size_bytes = static_cast<std::size_t>(PyBytes_GET_SIZE(data));
    if (size_bytes >= kWorthKeeping) return core.write(chunk_of(data));
    return core.write(BytesView(PyBytes_AS_STRING(data), size_bytes));
  }
  if (!PyByteArray_Check(data) && !PyMemoryView_Check(data)) refuse_data(data);
  // What may be changed afterwards is copied as it is now.
  const ExportedBuffer buffer(data, ExportedBuffer::Access::read);
  core.write(buffer.bytes());
}

PyObject* write(PyObject* self, PyObject* data) {
  return guarded([&]() -> PyObject* {
    write_object(part_of(self).core(), data);
    return part_of(self).none_or_raised();
  });
}

PyObject* writelines(PyObject* self, PyObject* pieces) {
  return guarded([&]() -> PyObject* {
    const Owned sequence =
        Owned::take(PySequence_Fast(pieces, "writelines() takes an iterable of bytes-like objects"));
    if (!sequence) return nullptr;
    std::vector<Chunk> chunks;
    chunks.reserve(static_cast<std::size_t>(PySequence_Fast_GET_SIZE(sequence.get())));
    // Its size is asked each time: a piece may run code that changes the list when its memory is asked for.
    for (Py_ssize_t index = 0; index < PySequence_Fast_GET_SIZE(sequence.get()); ++index) {
      const Owned kept = Owned::share(PySequence_Fast_GET_ITEM(sequence.get(), index));
      PyObject* const piece = kept.get();
      if (PyBytes_Check(piece)) {
        chunks.push_back(chunk_of(piece));
      } else {
        chunks.emplace_back(ExportedBuffer(piece, ExportedBuffer::Access::read).bytes().to_string());
      }
    }
    part_of(self).core().writelines(std::move(chunks));
    return part_of(self).none_or_raised();
  });
}

PyObject* write_eof(PyObject* self, PyObject*) {
  return guarded([&]() -> PyObject* {
    if (!part_of(self).core().is_closing()) part_of(self).core().write_eof();
    Py_RETURN_NONE;
  });
}

PyObject* can_write_eof(PyObject* self, PyObject*) {
  return PyBool_FromLong(part_of(self).core().can_write_eof());
}

PyObject* get_write_buffer_size(PyObject* self, PyObject*) {
  return PyLong_FromSize_t(part_of(self).core().get_write_buffer_size());
}

PyObject* get_write_buffer_limits(PyObject* self, PyObject*) {
  const WriteBufferLimits limits = part_of(self).core().get_write_buffer_limits();
  return Py_BuildValue("(nn)", static_cast<Py_ssize_t>(limits.low), static_cast<Py_ssize_t>(limits.high));
}

PyObject* set_write_buffer_limits(PyObject* self, PyObject* arguments, PyObject* keywords) {
  WriteBufferLimitOptions limits;
  if (!read_write_limits(arguments, keywords, limits)) return nullptr;
  if (!limits.high && !limits.low && part_of(self).is_secured()) limits.high = SecuredPart::kHighMarkBytes;
  return guarded([&]() -> PyObject* {
    part_of(self).core().set_write_buffer_limits(limits);
    return part_of(self).none_or_raised();
  });
}

// --- files -------------------------------------------------------------------------------------------------

/// (descriptor, offset, most_bytes, future)
PyObject* begin_file(PyObject* self, PyObject* arguments) {
  int descriptor = -1;
  unsigned long long offset = 0;
  unsigned long long most_bytes = 0;
  PyObject* future = nullptr;
  if (PyArg_ParseTuple(arguments, "iKKO", &descriptor, &offset, &most_bytes, &future) == 0) return nullptr;
  return guarded([&]() -> PyObject* {
    StreamPart& part = part_of(self);
    part.file_on_its_way = FileOnItsWay::begin(part.core(), descriptor, offset, most_bytes, future);
    Py_RETURN_NONE;
  });
}

PyObject* end_file(PyObject* self, PyObject*) {
  return guarded([&]() -> PyObject* {
    const auto file = std::exchange(part_of(self).file_on_its_way, nullptr);
    return PyLong_FromUnsignedLongLong(file != nullptr ? file->end() : 0);
  });
}

// --- reading -----------------------------------------------------------------------------------------------

PyObject* pause_reading(PyObject* self, PyObject*) {
  return guarded([&]() -> PyObject* {
    part_of(self).pause_reading();
    Py_RETURN_NONE;
  });
}

PyObject* resume_reading(PyObject* self, PyObject*) {
  return guarded([&]() -> PyObject* {
    part_of(self).resume_reading();
    Py_RETURN_NONE;
  });
}

PyObject* is_reading(PyObject* self, PyObject*) {
  const transport::InnerTransport& core = part_of(self).core();
  return PyBool_FromLong(core.is_reading() && !core.is_closing());
}

// --- the end -----------------------------------------------------------------------------------------------

PyObject* close(PyObject* self, PyObject*) {
  return guarded([&]() -> PyObject* {
    part_of(self).core().close();
    Py_RETURN_NONE;
  });
}

PyObject* abort(PyObject* self, PyObject*) {
  return guarded([&]() -> PyObject* {
    part_of(self).core().abort();
    Py_RETURN_NONE;
  });
}

/// What asyncio's own layers (SSLProtocol) call: abort() with a reason.
PyObject* force_close(PyObject* self, PyObject* exception) {
  return guarded([&]() -> PyObject* {
    part_of(self).core().abort_for(
        exception == Py_None ? Error()
                             : Error(std::make_exception_ptr(PythonError(Owned::share(exception)))));
    Py_RETURN_NONE;
  });
}

PyObject* is_closing(PyObject* self, PyObject*) { return PyBool_FromLong(part_of(self).core().is_closing()); }

// --- who and what ------------------------------------------------------------------------------------------

PyObject* set_protocol(PyObject* self, PyObject* protocol) {
  return guarded([&]() -> PyObject* {
    part_of(self).set_protocol(protocol);
    Py_RETURN_NONE;
  });
}

PyObject* get_protocol(PyObject* self, PyObject*) { return or_none(part_of(self).protocol()); }

PyObject* represent(PyObject* self) {
  const StreamPart& part = part_of(self);
  if (!part.is_opened()) return PyUnicode_FromFormat("<%s>", name_of_type(self));
  const transport::InnerTransport& core = part.core();
  const char* const life = !core.is_closing() ? "" : part.has_ended() ? " closed" : " closing";
  const bool reads = core.is_reading() && !core.is_closing();
  return PyUnicode_FromFormat("<%s%s fd=%d read=%s write=<bufsize=%zu>>", name_of_type(self), life,
                              part.descriptor(), reads ? "polling" : "idle", core.get_write_buffer_size());
}

PyObject* get_loop(PyObject* self, void*) { return or_none(part_of(self).loop_object()); }
PyObject* get_file(PyObject* self, void*) { return or_none(part_of(self).file()); }
PyObject* get_descriptor(PyObject* self, void*) { return PyLong_FromLong(part_of(self).descriptor()); }
/// Asyncio has two objects where here is one.
PyObject* get_ssl_protocol(PyObject* self, void*) { return Py_NewRef(self); }
PyObject* get_writing_paused(PyObject* self, void*) {
  return PyBool_FromLong(part_of(self).core().writing_paused());
}

// --- TLS: what the transport below says, said by somebody else ---------------------------------------------

PyObject* pause_writing(PyObject* self, PyObject*) {
  static_cast<tls::TlsTransport&>(part_of(self).core()).pause_writing();
  Py_RETURN_NONE;
}

PyObject* resume_writing(PyObject* self, PyObject*) {
  return guarded([&]() -> PyObject* {
    static_cast<tls::TlsTransport&>(part_of(self).core()).resume_writing();
    Py_RETURN_NONE;
  });
}

// --- the types ---------------------------------------------------------------------------------------------

using Object = TransportObject<StreamPart, part_of, extra_slot>;

constexpr const char* kWrite = "write(data)\n\nSend bytes; never waits.";
constexpr const char* kClose = "close()\n\nEnd the connection when what was written has been sent.";

#define TIDEGATE_BASE_METHODS                                                                        \
  {"close", close, METH_NOARGS, kClose},                                                             \
      {"is_closing", is_closing, METH_NOARGS, "Return True if the transport is closing or closed."}, \
      {"set_protocol", set_protocol, METH_O, "Set the protocol that is called from now on."},        \
      {"get_protocol", get_protocol, METH_NOARGS, "Return the protocol."}, {                         \
    "_force_close", force_close, METH_O, nullptr                                                     \
  }
#define TIDEGATE_READING_METHODS                                                                \
  {"pause_reading", pause_reading, METH_NOARGS, "Stop telling the protocol of data."},          \
      {"resume_reading", resume_reading, METH_NOARGS, "Go on telling the protocol of data."}, { \
    "is_reading", is_reading, METH_NOARGS, "Return True if the protocol is told of data."       \
  }
#define TIDEGATE_WRITING_METHODS                                                                     \
  {"_begin_file", begin_file, METH_VARARGS, nullptr}, {"_end_file", end_file, METH_NOARGS, nullptr}, \
      {"write", write, METH_O, kWrite},                                                              \
      {"writelines", writelines, METH_O, "writelines(list_of_data)\n\nSend them in a row."},         \
      {"write_eof", write_eof, METH_NOARGS, "End the writing direction when all has been sent."},    \
      {"can_write_eof", can_write_eof, METH_NOARGS, "Return True if write_eof() is supported."},     \
      {"abort", abort, METH_NOARGS, "End the connection at once; what is buffered is lost."},        \
      {"get_write_buffer_size", get_write_buffer_size, METH_NOARGS, "Return how many bytes wait."},  \
      {"get_write_buffer_limits", get_write_buffer_limits, METH_NOARGS, "Return (low, high)."}, {    \
    "set_write_buffer_limits", as_method(set_write_buffer_limits), METH_VARARGS | METH_KEYWORDS,     \
        "set_write_buffer_limits(high=None, low=None)\n\nSet the marks of flow control."             \
  }

PyMethodDef socket_methods[] = {TIDEGATE_BASE_METHODS,
                                TIDEGATE_READING_METHODS,
                                TIDEGATE_WRITING_METHODS,
                                {nullptr, nullptr, 0, nullptr}};
PyMethodDef read_pipe_methods[] = {
    TIDEGATE_BASE_METHODS, TIDEGATE_READING_METHODS, {nullptr, nullptr, 0, nullptr}};
PyMethodDef write_pipe_methods[] = {
    TIDEGATE_BASE_METHODS, TIDEGATE_WRITING_METHODS, {nullptr, nullptr, 0, nullptr}};

// The last three: what asyncio's own tests do to its transport.
PyMethodDef tls_methods[] = {TIDEGATE_BASE_METHODS,
                             TIDEGATE_READING_METHODS,
                             TIDEGATE_WRITING_METHODS,
                             {"pause_writing", pause_writing, METH_NOARGS, nullptr},
                             {"resume_writing", resume_writing, METH_NOARGS, nullptr},
                             {"_test__append_write_backlog", write, METH_O, nullptr},
                             {nullptr, nullptr, 0, nullptr}};

#undef TIDEGATE_BASE_METHODS
#undef TIDEGATE_READING_METHODS
#undef TIDEGATE_WRITING_METHODS

#define TIDEGATE_ATTRIBUTES                                                                       \
  {"_loop", get_loop, nullptr, nullptr, nullptr}, {"_sock", get_file, nullptr, nullptr, nullptr}, \
      {"_pipe", get_file, nullptr, nullptr, nullptr},                                             \
      {"_sock_fd", get_descriptor, nullptr, nullptr, nullptr},                                    \
      {"_protocol", reinterpret_cast<getter>(get_protocol), nullptr, nullptr, nullptr},           \
      {"_protocol_paused", get_writing_paused, nullptr, nullptr, nullptr}, {                      \
    "__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, nullptr, nullptr                \
  }

PyGetSetDef attributes[] = {TIDEGATE_ATTRIBUTES, {nullptr, nullptr, nullptr, nullptr, nullptr}};
PyGetSetDef tls_attributes[] = {TIDEGATE_ATTRIBUTES,
                                {"_ssl_protocol", get_ssl_protocol, nullptr, nullptr, nullptr},
                                {nullptr, nullptr, nullptr, nullptr, nullptr}};

#undef TIDEGATE_ATTRIBUTES

/// The largest: the part lies at the same place in all of them, behind it, so that whoever has an object need
/// not ask which it is. An asyncio.Transport. Asyncio sends a file in pieces only over what is one of these,
/// and calls nothing of it.
constexpr const char* kLargestBase = "_FlowControlMixin";

bool add_type(PyObject* module, ExtendedType<StreamPart>& type, const char* base_name,
              const Object::Description& description) {
  const Owned transports = Owned::take(PyImport_ImportModule("asyncio.transports"));
  const Owned base = Owned::take(transports ? PyObject_GetAttrString(transports.get(), base_name) : nullptr);
  const Owned largest =
      Owned::take(transports ? PyObject_GetAttrString(transports.get(), kLargestBase) : nullptr);
  if (!base || !largest || !extra_slot.find(reinterpret_cast<PyTypeObject*>(base.get()), "_extra"))
    return false;
  PyTypeObject* const made = Object::make_type(type, description, base.get(),
                                               ExtendedType<StreamPart>::offset_behind(largest.get()));
  return made != nullptr && PyModule_AddType(module, made) == 0;
}

/// What asyncio's loop looks at before it secures a transport, or sends a file over it.
bool mark_for_asyncio(const ExtendedType<StreamPart>& type, PyObject* sendfile_mode) {
  auto* const object = reinterpret_cast<PyObject*>(type.type());
  return PyObject_SetAttrString(object, "_start_tls_compatible", Py_True) == 0 &&
         PyObject_SetAttrString(object, "_sendfile_compatible", sendfile_mode) == 0;
}

}  // namespace

const StreamTypes& stream_types() noexcept { return types; }
const SlotOfClass& stream_extra() noexcept { return extra_slot; }

PyObject* StreamPart::object() const noexcept { return types.socket.object(*this); }

bool prepare_streams(PyObject* module) {
  return add_type(module, types.socket, kLargestBase,
                  {"tidegate._native.StreamTransport", socket_methods, attributes, represent}) &&
         add_type(module, types.tls, kLargestBase,
                  {"tidegate._native.SSLTransport", tls_methods, tls_attributes, represent}) &&
         add_type(module, types.read_pipe, "ReadTransport",
                  {"tidegate._native.ReadPipeTransport", read_pipe_methods, attributes, represent}) &&
         add_type(module, types.write_pipe, "WriteTransport",
                  {"tidegate._native.WritePipeTransport", write_pipe_methods, attributes, represent}) &&
         mark_for_asyncio(types.socket, names().try_native_sendfile) &&
         mark_for_asyncio(types.tls, names().fallback_sendfile);
}

}  // namespace tidegate::python
