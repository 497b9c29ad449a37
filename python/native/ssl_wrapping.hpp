// How a connection of the module ssl's comes to be, and what OpenSSL itself has of it. Knows no transports.
#pragma once

#include "python.hpp"

struct ssl_st;  // OpenSSL's SSL

namespace tidegate::python {

struct WrappedTls {
  Owned ssl_object;
  /// MemoryBIOs.
  Owned incoming;
  Owned outgoing;
  /// OpenSSL's own object behind `ssl_object`, which holds it. Null where it is not to be spoken to: the
  /// module uses another libssl than we do, or we none; the program has said so (TIDEGATE_PYTHON_TLS=memory),
  /// or has methods of its own in place of the module's.
  ssl_st* ssl = nullptr;
};

/// To be called before `wrap_tls`, once. False with an exception set where TIDEGATE_PYTHON_TLS is none of
/// "direct" and "memory".
[[nodiscard]] bool prepare_tls_wrapping();

/// `context.wrap_bio(...)`. False with an exception set where that has raised.
[[nodiscard]] bool wrap_tls(PyObject* context, PyObject* server_side, PyObject* server_hostname,
                            WrappedTls& wrapped);

}  // namespace tidegate::python
