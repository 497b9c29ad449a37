// Accepting connections: see accepting.hpp. As asyncio's loop does it, but that the protocol is made at once
// and not by a task: nobody is told of anything before the loop comes round, all the same.
#include "accepting.hpp"

#include <tidegate/descriptor.hpp>

#include "addresses.hpp"
#include "entered_context.hpp"
#include "into_python.hpp"
#include "names.hpp"
#include "native_loop.hpp"
#include "python_error.hpp"
#include "stream_making.hpp"

#include <cerrno>

#include <sys/socket.h>

namespace tidegate::python {

namespace {

/// The process or the machine has run out of something; the connection waits in the kernel's queue.
bool is_shortage(int error) noexcept {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

/// There is none, or none any more.
bool is_nothing(int error) noexcept { return error == EAGAIN || error == EINTR || error == ECONNABORTED; }

struct Terms {
  PyObject* protocol_factory;
  PyObject* listener;
  PyObject* server;
  PyObject* backlog;
  PyObject* kind;
};

/// Throws. -1 once it is closed.
int descriptor_of(PyObject* socket) {
  const Owned number = Owned::take(PyObject_CallMethodNoArgs(socket, names().fileno));
  if (!number) throw_python_error();
  return static_cast<int>(PyLong_AsLong(number.get()));
}

/// A connection that has been accepted, until it is a transport's: a socket object, and who is at the other
/// end.
class Accepted {
 public:
  Accepted(PyObject* kind, OwnedFileDescriptor descriptor, const net::SocketAddress& peer)
      : descriptor_(descriptor.get().number), peer_(address_for_python(peer)) {
    const Owned number = Owned::take(PyLong_FromLong(descriptor_));
    if (!number || !peer_) throw_python_error();
    socket_ = Owned::take(PyObject_CallFunctionObjArgs(names().socket_class, PyTuple_GET_ITEM(kind, 0),
                                                       PyTuple_GET_ITEM(kind, 1), PyTuple_GET_ITEM(kind, 2),
                                                       number.get(), nullptr));
    if (!socket_) throw_python_error();
    static_cast<void>(descriptor.release());  // it is the socket object's
  }

  [[nodiscard]] PyObject* socket() const noexcept { return socket_.get(); }
  [[nodiscard]] PyObject* peer() const noexcept { return peer_.get(); }

  /// Throws.
  void becomes_transport(PyObject* loop, PyObject* protocol, PyObject* server) const {
    const Owned known = Owned::take(PyDict_New());
    if (!known || PyDict_SetItem(known.get(), names().peername, peer()) < 0) throw_python_error();
    const Owned arguments = Owned::take(
        PyTuple_Pack(5, socket(), protocol, Py_None, known.get(), server != nullptr ? server : Py_None));
    const Owned transport =
        Owned::take(arguments ? make_socket_transport(loop, arguments.get(), nullptr) : nullptr);
    if (!transport) throw_python_error();
  }

  /// There will be no transport. One that was begun closes the socket itself.
  void close(const NativeLoop& loop) const noexcept {
    if (loop.has_transport(descriptor_)) return;
    const PendingError error;
    const Owned closed = Owned::take(PyObject_CallMethodNoArgs(socket(), names().close));
    if (!closed) PyErr_WriteUnraisable(socket());
  }

 private:
  int descriptor_;
  Owned peer_;
  Owned socket_;
};

/// False with an exception set where the program ends. Any other exception is told in debug mode only, as
/// asyncio does.
bool begin_connection(PyObject* loop, const Terms& terms, const Accepted& accepted) {
  NativeLoop& native = *NativeLoop::of(loop);
  Owned protocol;
  try {
    // What the factory sets there is this connection's, and not the next one's.
    const Owned context = Owned::take(PyContext_CopyCurrent());
    if (!context) throw_python_error();
    const EnteredContext entered(context.get());
    protocol = Owned::take(into_python([&] { return PyObject_CallNoArgs(terms.protocol_factory); }));
    if (!protocol) throw_python_error();
    accepted.becomes_transport(loop, protocol.get(), terms.server);
    return true;
  } catch (...) {
    set_exception_being_handled();
  }
  accepted.close(native);
  if (NativeLoop::is_for_the_program()) return false;
  if (native.debug()) {
    native.report("Error on transport creation for incoming connection", nullptr, protocol.get());
  } else {
    PyErr_Clear();
  }
  return true;
}

/// Says so to the program, and goes on later.
bool pause_accepting(PyObject* loop, const Terms& terms, int error) {
  errno = error;
  PyErr_SetFromErrno(PyExc_OSError);
  const Owned exception = take_exception();
  return static_cast<bool>(Owned::take(
      PyObject_CallMethodObjArgs(loop, names().pause_accepting, exception.get(), terms.protocol_factory,
                                 terms.listener, terms.server, terms.backlog, nullptr)));
}

bool note_connection(PyObject* loop, const Terms& terms, const Accepted& accepted) {
  return static_cast<bool>(Owned::take(PyObject_CallMethodObjArgs(
      loop, names().note_connection, terms.server, accepted.peer(), accepted.socket(), nullptr)));
}

/// False with an exception set.
bool accept_batch(PyObject* loop, const Terms& terms) {
  const long most = PyLong_AsLong(terms.backlog);
  if (most == -1 && PyErr_Occurred() != nullptr) return false;
  const int listening = descriptor_of(terms.listener);
  for (long count = 0; count < most; ++count) {
    // A factory may have closed the server, and the number may be another's by now.
    if (listening < 0 || descriptor_of(terms.listener) != listening) return true;
    net::SocketAddress peer;
    peer.length = net::SocketAddress::capacity();
    const int number = ::accept4(listening, peer.get(), &peer.length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (number < 0) {
      if (is_nothing(errno)) return true;
      if (is_shortage(errno)) return pause_accepting(loop, terms, errno);
      PyErr_SetFromErrno(PyExc_OSError);
      return false;
    }
    const Accepted accepted(terms.kind, OwnedFileDescriptor(FileDescriptor{number}), peer);
    if (NativeLoop::of(loop)->debug() && !note_connection(loop, terms, accepted)) return false;
    if (!begin_connection(loop, terms, accepted)) return false;
  }
  return true;
}

}  // namespace

PyObject* accept_connections(PyObject* loop, PyObject* const* arguments, Py_ssize_t count) {
  if (count != 5 || !PyTuple_Check(arguments[4]) || PyTuple_GET_SIZE(arguments[4]) != 3) {
    PyErr_SetString(PyExc_TypeError,
                    "_accept_connections() takes (protocol_factory, sock, server, backlog, kind)");
    return nullptr;
  }
  const Terms terms{arguments[0], arguments[1], arguments[2], arguments[3], arguments[4]};
  return guarded([&]() -> PyObject* {
    if (!accept_batch(loop, terms)) return nullptr;
    Py_RETURN_NONE;
  });
}

}  // namespace tidegate::python
