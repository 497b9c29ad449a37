// The methods of datagram transports, as Python calls them: asyncio.DatagramTransport.
#include "datagram_part.hpp"
#include "descriptors.hpp"
#include "names.hpp"
#include "python_error.hpp"
#include "socket_description.hpp"
#include "transport_object.hpp"
#include "write_limits.hpp"

#include <new>

namespace tidegate::python {

namespace {

ExtendedType<DatagramPart> datagram_type;

/// asyncio.BaseTransport keeps there what get_extra_info gives.
SlotOfClass extra_slot;

DatagramPart& part_of(PyObject* object) noexcept { return datagram_type.part(object); }

// --- sending -----------------------------------------------------------------------------------------------

/// (data, addr=None), by place or by name.
bool read_datagram(PyObject* const* arguments, Py_ssize_t count, PyObject* keywords, PyObject*& data,
                   PyObject*& address) {
  if (count > 2) {
    PyErr_Format(PyExc_TypeError, "sendto() takes 1 or 2 arguments (%zd given)", count);
    return false;
  }
  if (count > 0) data = arguments[0];
  if (count > 1) address = arguments[1];
  for (Py_ssize_t index = 0; keywords != nullptr && index < PyTuple_GET_SIZE(keywords); ++index) {
    PyObject* const name = PyTuple_GET_ITEM(keywords, index);
    const bool is_data = PyUnicode_CompareWithASCIIString(name, "data") == 0;
    if (!is_data && PyUnicode_CompareWithASCIIString(name, "addr") != 0) {
      PyErr_Format(PyExc_TypeError, "sendto() got an unexpected keyword argument '%U'", name);
      return false;
    }
    if ((is_data ? data : address) != nullptr) {
      PyErr_Format(PyExc_TypeError, "sendto() got multiple values for argument '%U'", name);
      return false;
    }
    (is_data ? data : address) = arguments[count + index];
  }
  if (address == nullptr) address = Py_None;
  if (data == nullptr)
    PyErr_SetString(PyExc_TypeError, "sendto() missing 1 required positional argument: 'data'");
  return data != nullptr;
}

PyObject* sendto(PyObject* self, PyObject* const* arguments, Py_ssize_t count, PyObject* keywords) {
  PyObject* data = nullptr;
  PyObject* address = nullptr;
  if (!read_datagram(arguments, count, keywords, data, address)) return nullptr;
  return guarded([&]() -> PyObject* {
    part_of(self).sendto(data, address);
    return part_of(self).none_or_raised();
  });
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
  return guarded([&]() -> PyObject* {
    part_of(self).set_write_buffer_limits(limits);
    return part_of(self).none_or_raised();
  });
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

PyObject* is_closing(PyObject* self, PyObject*) { return PyBool_FromLong(part_of(self).core().is_closing()); }

// --- who and what ------------------------------------------------------------------------------------------

PyObject* set_protocol(PyObject* self, PyObject* protocol) {
  return guarded([&]() -> PyObject* {
    if (!part_of(self).has_ended()) part_of(self).set_protocol(protocol);
    Py_RETURN_NONE;
  });
}

PyObject* get_protocol(PyObject* self, PyObject*) { return or_none(part_of(self).protocol()); }

PyObject* represent(PyObject* self) {
  const DatagramPart& part = part_of(self);
  if (!part.is_opened()) return PyUnicode_FromFormat("<%s>", name_of_type(self));
  const transport::DatagramSocketTransport& core = part.core();
  const char* const life = part.has_ended() ? " closed" : core.is_closing() ? " closing" : "";
  return PyUnicode_FromFormat("<%s%s fd=%d read=%s write=<bufsize=%zu>>", name_of_type(self), life,
                              part.descriptor(), core.is_closing() ? "idle" : "polling",
                              core.get_write_buffer_size());
}

PyObject* get_loop(PyObject* self, void*) { return or_none(part_of(self).loop_object()); }
PyObject* get_socket(PyObject* self, void*) { return or_none(part_of(self).socket()); }
PyObject* get_address(PyObject* self, void*) { return or_none(part_of(self).address()); }
PyObject* get_protocol_attribute(PyObject* self, void*) { return or_none(part_of(self).protocol()); }
PyObject* get_descriptor(PyObject* self, void*) { return PyLong_FromLong(part_of(self).descriptor()); }

// --- the type ----------------------------------------------------------------------------------------------

using Object = TransportObject<DatagramPart, part_of, extra_slot>;

PyMethodDef methods[] = {
    {"sendto", as_method(sendto), METH_FASTCALL | METH_KEYWORDS,
     "sendto(data, addr=None)\n\nSend a datagram; never waits."},
    {"close", close, METH_NOARGS, "close()\n\nEnd when what waits has been sent."},
    {"abort", abort, METH_NOARGS, "End at once; what waits is lost."},
    {"is_closing", is_closing, METH_NOARGS, "Return True if the transport is closing or closed."},
    {"set_protocol", set_protocol, METH_O, "Set the protocol that is called from now on."},
    {"get_protocol", get_protocol, METH_NOARGS, "Return the protocol."},
    {"get_write_buffer_size", get_write_buffer_size, METH_NOARGS,
     "Return how many bytes wait, with 8 for each datagram."},
    {"get_write_buffer_limits", get_write_buffer_limits, METH_NOARGS, "Return (low, high)."},
    {"set_write_buffer_limits", as_method(set_write_buffer_limits), METH_VARARGS | METH_KEYWORDS,
     "set_write_buffer_limits(high=None, low=None)\n\nSet the marks of flow control."},
    {nullptr, nullptr, 0, nullptr}};

PyGetSetDef attributes[] = {{"_loop", get_loop, nullptr, nullptr, nullptr},
                            {"_sock", get_socket, nullptr, nullptr, nullptr},
                            {"_sock_fd", get_descriptor, nullptr, nullptr, nullptr},
                            {"_address", get_address, nullptr, nullptr, nullptr},
                            {"_protocol", get_protocol_attribute, nullptr, nullptr, nullptr},
                            {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, nullptr, nullptr},
                            {nullptr, nullptr, nullptr, nullptr, nullptr}};

}  // namespace

PyObject* DatagramPart::object() const noexcept { return datagram_type.object(*this); }

bool prepare_datagrams(PyObject* module) {
  const Owned support = Owned::take(PyImport_ImportModule("tidegate._support"));
  const Owned base =
      Owned::take(support ? PyObject_GetAttrString(support.get(), "DatagramTransport") : nullptr);
  if (!base || !extra_slot.find(reinterpret_cast<PyTypeObject*>(base.get()), "_extra")) return false;
  PyTypeObject* const type =
      Object::make_type(datagram_type, {"tidegate._native.DatagramTransport", methods, attributes, represent},
                        base.get(), ExtendedType<DatagramPart>::offset_behind(base.get()));
  return type != nullptr && PyModule_AddType(module, type) == 0;
}

PyObject* make_datagram_transport(PyObject* loop, PyObject* arguments, PyObject* keywords) {
  static const char* names_of_arguments[] = {"sock", "protocol", "address", "waiter", "extra", nullptr};
  DatagramPart::Terms terms;
  PyObject* known = nullptr;
  terms.loop = loop;
  if (!NativeLoop::of(loop)->check_open() ||
      PyArg_ParseTupleAndKeywords(arguments, keywords, "OO|OOO", const_cast<char**>(names_of_arguments),
                                  &terms.socket, &terms.protocol, &terms.address, &terms.waiter,
                                  &known) == 0 ||
      !read_open_descriptor(terms.socket, terms.descriptor)) {
    return nullptr;
  }
  const Owned number = Owned::take(PyLong_FromLong(terms.descriptor));
  if (!number || !is_free_descriptor(loop, terms.descriptor, number.get())) return nullptr;
  Owned description = describe_socket(terms.socket, known);
  if (!description) return nullptr;
  PyObject* const peer = PyDict_GetItemWithError(description.get(), names().peername);
  if (peer == nullptr && PyErr_Occurred() != nullptr) return nullptr;
  // A Unix socket may be connected to one without a name.
  terms.is_connected = peer != nullptr && peer != Py_None;

  Owned object = Owned::take(datagram_type.type()->tp_alloc(datagram_type.type(), 0));
  if (!object) return nullptr;
  auto* const part = new (datagram_type.memory_of_part(object.get())) DatagramPart();
  extra_slot.set(object.get(), std::move(description));
  return guarded([&]() -> PyObject* {
    try {
      part->open(terms);
    } catch (...) {
      if (part->is_opened()) part->core().abort();
      throw;
    }
    return object.release();
  });
}

}  // namespace tidegate::python
