// Making connections of the module ssl's: see ssl_wrapping.hpp.
#include "ssl_wrapping.hpp"

#include "into_python.hpp"
#include "names.hpp"
#include "ssl_witness.hpp"

#include <cstdlib>
#include <string_view>

namespace tidegate::python {

namespace {

bool is_direct = false;  // unless the program does not want it

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
  const Owned inside = Owned::take(PyObject_GetAttr(wrapped.ssl_object.get(), names().sslobj));
  if (!inside) return false;
  if (is_direct) wrapped.ssl = witness.connection_of(inside.get());
  return true;
}

}  // namespace tidegate::python
