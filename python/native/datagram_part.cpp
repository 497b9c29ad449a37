// What the core calls of a Python datagram transport, and how a datagram is sent: see datagram_part.hpp.
#include "datagram_part.hpp"

#include "exported_buffer.hpp"
#include "into_python.hpp"
#include "names.hpp"
#include "net/socket_options.hpp"
#include "python_error.hpp"
#include "transport/owned_channel.hpp"

#include <memory>
#include <utility>

namespace tidegate::python {

// --- the adapter -------------------------------------------------------------------------------------------

DatagramAdapter::DatagramAdapter(DatagramPart& part) : part_(part), transport_(Owned::share(part.object())) {}
DatagramAdapter::~DatagramAdapter() { part_.adapter_ends(); }

PyObject* DatagramAdapter::protocol() const noexcept { return part_.protocol(); }
void DatagramAdapter::was_left_open() const noexcept { part_.was_left_open(); }

void DatagramAdapter::connection_made(DatagramTransportRef) { part_.connection_made(); }
void DatagramAdapter::datagram_received(BytesView data, const Endpoint& address) {
  part_.datagram_received(data, address);
}
void DatagramAdapter::error_received(const Error& error) { part_.error_received(error); }
void DatagramAdapter::pause_writing() { part_.pause_writing(); }
void DatagramAdapter::resume_writing() { part_.resume_writing(); }
void DatagramAdapter::connection_lost(const Error& reason) { part_.connection_lost(reason); }

// --- the beginning -----------------------------------------------------------------------------------------

void DatagramPart::open(const Terms& terms) {
  calls_.begin(terms.loop);
  set_protocol(terms.protocol);
  address_ = Owned::share(terms.address);
  const int has_one_address = PyObject_IsTrue(terms.address);
  if (has_one_address < 0) throw_python_error();
  has_one_address_ = has_one_address != 0;
  is_connected_ = terms.is_connected;
  descriptor_ = terms.descriptor;
  attach_socket(terms);
  loop().transports()[descriptor_] = object();
  loop().loop().call_soon([transport = transport_] { transport->open(); });
  if (terms.waiter == Py_None) return;
  const Owned waking = Owned::take(PyObject_CallMethodObjArgs(
      loop_object(), names().call_soon, names().set_result_unless_cancelled, terms.waiter, Py_None, nullptr));
  if (!waking) throw_python_error();
}

void DatagramPart::attach_socket(const Terms& terms) {
  loop::LoopCore& core = loop().core();
  const FileDescriptor descriptor{terms.descriptor};
  const AddressFamily family = net::family_of(descriptor);
  known_addresses_.emplace(net::to_native(family));
  transport::OwnedChannel channel(core, core.backend().attach(OwnedFileDescriptor(descriptor)));
  // From here on the descriptor is the channel's; the socket goes on naming it until the end.
  socket_ = Owned::share(terms.socket);
  transport_ = transport::DatagramSocketTransport::make(core, channel.get(),
                                                        {.family = family,
                                                         .is_udp = net::is_udp_socket(descriptor),
                                                         .connected = terms.is_connected,
                                                         .remote = {}},
                                                        std::make_shared<DatagramAdapter>(*this));
  channel_ = channel.release();
}

void DatagramPart::set_protocol(PyObject* protocol) {
  Owned take_datagram = Owned::take(PyObject_GetAttr(protocol, names().datagram_received));
  // A protocol that only sends need not have one.
  if (!take_datagram) {
    if (PyErr_ExceptionMatches(PyExc_AttributeError) == 0) throw_python_error();
    PyErr_Clear();
  }
  take_datagram_ = std::move(take_datagram);
  calls_.set_protocol(protocol);
}

// --- sending -----------------------------------------------------------------------------------------------

/// While the program is in here, the protocol is called in the context that the program is in.
class DatagramPart::CalledByProgram {
 public:
  explicit CalledByProgram(DatagramPart& part) noexcept : part_(part) { ++part_.calls_by_program_; }
  CalledByProgram(const CalledByProgram&) = delete;
  CalledByProgram& operator=(const CalledByProgram&) = delete;
  ~CalledByProgram() { --part_.calls_by_program_; }

 private:
  DatagramPart& part_;
};

void DatagramPart::sendto(PyObject* data, PyObject* address) {
  if (!check_data(data)) return;
  if (has_one_address_) {
    check_address(address);
    address = address_.get();
  }
  const CalledByProgram called(*this);
  if (is_connected_) return send(data, BytesView());  // the kernel knows
  const BytesView found = known_addresses_->find(address);
  if (found.empty()) return send_by_second_look(data, address);
  send(data, found);
}

bool DatagramPart::check_data(PyObject* data) const {
  if (!PyBytes_Check(data) && !PyByteArray_Check(data) && !PyMemoryView_Check(data)) {
    const Owned name = Owned::take(PyType_GetName(Py_TYPE(data)));
    if (name) PyErr_Format(PyExc_TypeError, "data argument must be a bytes-like object, not %R", name.get());
    throw_python_error();
  }
#if PY_VERSION_HEX >= 0x030D0000
  return true;
#else
  // Before 3.13 asyncio sends no empty ones.
  const int is_any = PyObject_IsTrue(data);
  if (is_any < 0) throw_python_error();
  return is_any != 0;
#endif
}

void DatagramPart::check_address(PyObject* address) const {
  if (address == Py_None || address == address_.get()) return;
  const int is_same = PyObject_RichCompareBool(address, address_.get(), Py_EQ);
  if (is_same > 0) return;
  if (is_same == 0) {
    PyErr_Format(PyExc_ValueError, "Invalid address: must be None or %S", address_.get());
  }
  throw_python_error();
}

void DatagramPart::send(PyObject* data, BytesView address) {
  if (PyBytes_Check(data)) {
    return transport_->send_to(
        BytesView(PyBytes_AS_STRING(data), static_cast<std::size_t>(PyBytes_GET_SIZE(data))), address);
  }
  const ExportedBuffer buffer(data, ExportedBuffer::Access::read);
  transport_->send_to(buffer.bytes(), address);
}

/// A name, which the socket resolves, though that may take its time, as asyncio has it; or nothing that can
/// be sent to, about which it raises what it thinks right.
void DatagramPart::send_by_second_look(PyObject* data, PyObject* address) {
  if (!socket_) return send(data, BytesView());  // it has ended: as any other
  if (transport_->get_write_buffer_size() == 0) {
    const Owned socket = Owned::share(socket_.get());
    const Owned sent = call_method(socket.get(), names().sendto, data, address);
    if (sent) return;
    const bool has_no_room = PyErr_ExceptionMatches(PyExc_BlockingIOError) != 0;
    if (!has_no_room) return sending_failed();
    PyErr_Clear();
  }
  // It has to wait, with an address that needs no second look.
  const Owned resolved = call_method(loop_object(), names().resolve_for_socket, socket_.get(), address);
  if (!resolved) return sending_failed();
  const BytesView found = known_addresses_->find(resolved.get());
  if (!found.empty()) send(data, found);
}

/// The exception that is set is the protocol's to hear, if it is the network's; another one ends the
/// transport.
void DatagramPart::sending_failed() {
  if (NativeLoop::is_for_the_program()) throw_python_error();
  const bool is_of_network = PyErr_ExceptionMatches(PyExc_OSError) != 0;
  Owned exception = take_exception();
  if (is_of_network) {
    tell(names().error_received, exception.get());
    return;
  }
  const PythonError reason(Owned::share(exception.get()));
  loop().report("Fatal write error on datagram transport", std::move(exception), object(), protocol());
  transport_->abort_for(Error(std::make_exception_ptr(reason)));
}

void DatagramPart::set_write_buffer_limits(const WriteBufferLimitOptions& limits) {
  const CalledByProgram called(*this);
  transport_->set_write_buffer_limits(limits);
}

// --- what the core tells -----------------------------------------------------------------------------------

void DatagramPart::tell(PyObject* name, PyObject* argument) {
  if (calls_by_program_ > 0) {
    calls_.within_call(name, argument);
  } else {
    calls_.call(name, argument);
  }
}

void DatagramPart::connection_made() { calls_.call(names().connection_made, object()); }
void DatagramPart::pause_writing() { tell(names().pause_writing, nullptr); }
void DatagramPart::resume_writing() { tell(names().resume_writing, nullptr); }

void DatagramPart::datagram_received(BytesView data, const Endpoint& sender) {
  const Owned bytes =
      Owned::take(PyBytes_FromStringAndSize(data.text().data(), static_cast<Py_ssize_t>(data.size())));
  if (!bytes) throw_python_error();
  const Owned address = known_addresses_->sender(sender);
  if (!take_datagram_) {
    PyErr_Format(PyExc_AttributeError, "%R has no datagram_received", protocol());
    throw_python_error();
  }
  const Owned method = Owned::share(take_datagram_.get());  // another protocol may be set from inside
  calls_.in_context(names().datagram_received, [&] {
    PyObject* arguments[3] = {nullptr, bytes.get(), address.get()};  // room for a bound method's self
    return Owned::take(into_python([&] {
      return PyObject_Vectorcall(method.get(), arguments + 1, 2 | PY_VECTORCALL_ARGUMENTS_OFFSET, nullptr);
    }));
  });
}

void DatagramPart::error_received(const Error& error) {
  const Owned exception = exception_for_python(error);
  if (!exception) throw_python_error();
  tell(names().error_received, exception.get());
}

void DatagramPart::connection_lost(const Error& reason) {
  const Owned exception = exception_for_python(reason);
  if (!exception) throw_python_error();
  calls_.call(names().connection_lost, exception.get());
}

// --- the end -----------------------------------------------------------------------------------------------

/// The socket only forgets its descriptor, which the core is about to close.
void DatagramPart::adapter_ends() noexcept {
  has_ended_ = true;
  const PendingError error;
  loop().transports().erase(descriptor_);
  const Owned socket = std::move(socket_);
  if (socket) {
    const Owned forgotten = call_method(socket.get(), names().detach);
    if (!forgotten) {
      calls_.was_in_vain(socket.get());
    } else if (PyObject_RichCompareBool(forgotten.get(), names().minus_one, Py_EQ) != 0) {
      // The program has closed it behind our back: the number may be somebody else's by now.
      static_cast<void>(loop().core().backend().detach(channel_).release());
    }
  }
  clear();
}

void DatagramPart::was_left_open() noexcept {
  const PendingError error;
  if (PyErr_ResourceWarning(object(), 1, "unclosed transport %R", object()) < 0)
    PyErr_WriteUnraisable(object());
}

int DatagramPart::traverse(visitproc visit, void* arg) const {
  for (const Owned* owned : {&socket_, &address_, &take_datagram_}) Py_VISIT(owned->get());
  return calls_.traverse(visit, arg);
}

void DatagramPart::clear() noexcept {
  for (Owned* owned : {&socket_, &take_datagram_}) owned->reset();
  calls_.clear();
  if (known_addresses_) known_addresses_->clear();
}

}  // namespace tidegate::python
