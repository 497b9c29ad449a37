// Making connections of the module ssl's: see ssl_wrapping.hpp.
#include "ssl_wrapping.hpp"

#include "into_python.hpp"
#include "names.hpp"
#include "ssl_witness.hpp"

#include <cstdlib>
#include <string_view>

namespace tidegate::python {

namespace {

bool is_direct = false;

/// A callback of the program's for each record: it may raise, and only the module's methods tell.
bool looks_at_records(PyObject* context) {
  const Owned callback = Owned::take(PyObject_GetAttr(context, names().msg_callback));
  if (!callback) PyErr_Clear();  // a version that has no such thing
  return callback && callback.get() != Py_None;
}

/// Whether there is nothing but OpenSSL behind its methods. A program may have put an object of its own
/// inside.
bool is_cpythons(PyObject* ssl_object) {
  const Owned inside = Owned::take(PyObject_GetAttr(ssl_object, names().sslobj));
  if (!inside) PyErr_Clear();
  return inside && std::string_view(Py_TYPE(inside.get())->tp_name) == "_ssl._SSLSocket";
}

}  // namespace

bool prepare_tls_wrapping() {
  const char* const wish = std::getenv("TIDEGATE_PYTHON_TLS");
  const std::string_view way = wish != nullptr && *wish != '\0' ? wish : "direct";
  if (way != "direct" && way != "memory") {
    const Owned text = Owned::take(PyUnicode_DecodeFSDefault(wish));
    if (text)
      PyErr_Format(PyExc_ValueError, "TIDEGATE_PYTHON_TLS is %R, expected 'direct' or 'memory'", text.get());
    return false;
  }
  is_direct = way == "direct";
  return true;
}

bool wrap_tls(PyObject* context, PyObject* server_side, PyObject* server_hostname, WrappedTls& wrapped) {
  wrapped.incoming = Owned::take(PyObject_CallNoArgs(names().memory_bio));
  wrapped.outgoing = Owned::take(PyObject_CallNoArgs(names().memory_bio));
  if (!wrapped.incoming || !wrapped.outgoing) return false;
  const SslWitness witness;
  wrapped.ssl_object = call_method(context, names().wrap_bio, wrapped.incoming.get(), wrapped.outgoing.get(),
                                   server_side, server_hostname);
  if (!wrapped.ssl_object) return false;
  if (is_direct && is_cpythons(wrapped.ssl_object.get()) && !looks_at_records(context))
    wrapped.ssl = witness.connection();
  return true;
}

}  // namespace tidegate::python
