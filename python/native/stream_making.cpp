// Making stream transports: see stream_making.hpp.
#include "stream_making.hpp"

#include "descriptors.hpp"
#include "names.hpp"
#include "python_error.hpp"
#include "socket_description.hpp"
#include "ssl_wrapping.hpp"
#include "stream_part.hpp"
#include "stream_type.hpp"

#include <new>
#include <utility>

namespace tidegate::python {

namespace {

/// (file, protocol, waiter=None, *, extra=None, server=None), as asyncio's loops have it.
bool read_terms(PyObject* arguments, PyObject* keywords, StreamPart::Terms& terms, PyObject*& extra) {
  static const char* names_of_arguments[] = {"sock", "protocol", "waiter", "extra", "server", nullptr};
  if (PyArg_ParseTupleAndKeywords(arguments, keywords, "OO|OOO", const_cast<char**>(names_of_arguments),
                                  &terms.file, &terms.protocol, &terms.waiter, &extra, &terms.server) == 0) {
    return false;
  }
  return read_open_descriptor(terms.file, terms.descriptor);
}

/// A pipe's: itself.
Owned describe_pipe(PyObject* pipe, PyObject* known) {
  Owned description = known == nullptr || known == Py_None ? Owned::take(PyDict_New()) : Owned::share(known);
  if (description && PyDict_SetItem(description.get(), names().pipe, pipe) < 0) return {};
  return description;
}

/// A new object, of which `open` makes something.
template <typename Open>
PyObject* make_object(const ExtendedType<StreamPart>& type, Owned extra, const Open& open) {
  Owned object = Owned::take(type.type()->tp_alloc(type.type(), 0));
  if (!object) return nullptr;
  auto* const part = new (type.memory_of_part(object.get())) StreamPart();
  stream_extra().set(object.get(), std::move(extra));
  return guarded([&]() -> PyObject* {
    try {
      open(*part);
    } catch (...) {
      if (part->is_opened()) part->core().abort();
      throw;
    }
    return object.release();
  });
}

template <typename Open>
PyObject* make_transport(const ExtendedType<StreamPart>& type, PyObject* loop, PyObject* arguments,
                         PyObject* keywords, bool is_socket, const Open& open) {
  StreamPart::Terms terms;
  PyObject* given_extra = nullptr;
  if (!NativeLoop::of(loop)->check_open() || !read_terms(arguments, keywords, terms, given_extra))
    return nullptr;
  terms.loop = loop;
  const Owned number = Owned::take(PyLong_FromLong(terms.descriptor));
  // A terminal is read and written by two transports, which have a duplicate each.
  if (!number || (is_socket && !is_free_descriptor(loop, terms.descriptor, number.get()))) return nullptr;
  Owned extra = is_socket ? describe_socket(terms.file, given_extra) : describe_pipe(terms.file, given_extra);
  if (!extra) return nullptr;
  return make_object(type, std::move(extra), [&](StreamPart& part) { open(part, terms); });
}

/// Borrowed, but for the connection of the module ssl's that `wrap` makes.
struct TlsTerms {
  PyObject* context = nullptr;
  PyObject* server_side = nullptr;
  PyObject* server_hostname = nullptr;
  WrappedTls wrapped;
  SecuredPart::Terms secured;

  [[nodiscard]] bool wrap() {
    secured.engine.wrapped = &wrapped;
    return prepare_tls_names() && wrap_tls(context, server_side, server_hostname, wrapped);
  }
};

}  // namespace

PyObject* make_socket_transport(PyObject* loop, PyObject* arguments, PyObject* keywords) {
  return make_transport(stream_types().socket, loop, arguments, keywords, true,
                        [](StreamPart& part, const StreamPart::Terms& terms) { part.open_socket(terms); });
}

/// As the others, behind what TLS needs: (the SSLContext, whether this is the server, the server's name or
/// None; time for the handshake, for the shutdown).
PyObject* make_tls_transport(PyObject* loop, PyObject* arguments, PyObject* keywords) {
  PyObject* others = nullptr;
  TlsTerms tls;
  if (PyArg_ParseTuple(arguments, "O!(OOOOO)", &PyTuple_Type, &others, &tls.context, &tls.server_side,
                       &tls.server_hostname, &tls.secured.handshake_timeout,
                       &tls.secured.shutdown_timeout) == 0 ||
      !tls.wrap()) {
    return nullptr;
  }
  return make_transport(stream_types().tls, loop, others, keywords, true,
                        [&](StreamPart& part, const StreamPart::Terms& terms) {
                          tls.secured.engine.extra = stream_extra().of(part.object());
                          part.open_tls(terms, tls.secured);
                        });
}

/// (transport, protocol, waiter, extra, what TLS needs): see above.
PyObject* make_tls_upgrade(PyObject* loop, PyObject* arguments) {
  StreamPart::Terms terms;
  PyObject* below = nullptr;
  PyObject* extra = nullptr;
  TlsTerms tls;
  if (!NativeLoop::of(loop)->check_open() ||
      PyArg_ParseTuple(arguments, "O!OOO!(OOOOO)", stream_types().socket.type(), &below, &terms.protocol,
                       &terms.waiter, &PyDict_Type, &extra, &tls.context, &tls.server_side,
                       &tls.server_hostname, &tls.secured.handshake_timeout,
                       &tls.secured.shutdown_timeout) == 0 ||
      !tls.wrap()) {
    return nullptr;
  }
  terms.loop = loop;
  tls.secured.engine.extra = extra;
  return make_object(stream_types().tls, Owned::share(extra), [&](StreamPart& part) {
    part.open_tls_over(stream_types().socket.part(below), terms, tls.secured);
  });
}

PyObject* make_read_pipe_transport(PyObject* loop, PyObject* arguments, PyObject* keywords) {
  return make_transport(stream_types().read_pipe, loop, arguments, keywords, false,
                        [](StreamPart& part, const StreamPart::Terms& terms) {
                          part.open_pipe(terms, transport::Direction::read);
                        });
}

PyObject* make_write_pipe_transport(PyObject* loop, PyObject* arguments, PyObject* keywords) {
  return make_transport(stream_types().write_pipe, loop, arguments, keywords, false,
                        [](StreamPart& part, const StreamPart::Terms& terms) {
                          part.open_pipe(terms, transport::Direction::write);
                        });
}

}  // namespace tidegate::python
