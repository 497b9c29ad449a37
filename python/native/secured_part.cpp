// TLS of a Python transport: see secured_part.hpp.
#include "secured_part.hpp"

#include "names.hpp"
#include "python_error.hpp"
#include "transport/securing.hpp"

#include <chrono>
#include <utility>

namespace tidegate::python {

namespace {

Duration duration_of(PyObject* seconds) {
  const double number = PyFloat_AsDouble(seconds);
  if (number == -1.0 && PyErr_Occurred() != nullptr) throw_python_error();
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(number));
}

}  // namespace

template <typename Make>
std::shared_ptr<tls::TlsTransport> SecuredPart::make_as(const Terms& terms, const Make& make) {
  const auto context = std::make_shared<SslConnection>(terms.engine);
  transport::Securing securing;
  securing.context = TlsContext(context);
  securing.handshake_timeout = duration_of(terms.handshake_timeout);
  securing.shutdown_timeout = duration_of(terms.shutdown_timeout);
  securing.cut_is_end = true;
  std::shared_ptr<tls::TlsTransport> connection = make(securing);
  connection->set_write_buffer_limits({.high = kHighMarkBytes});
  engine_ = context->engine();
  handshake_timeout_ = Owned::share(terms.handshake_timeout);
  if (terms.waiter != Py_None) waiter_ = Owned::share(terms.waiter);
  return connection;
}

std::shared_ptr<tls::TlsTransport> SecuredPart::make(loop::LoopCore& core, const Terms& terms,
                                                     std::shared_ptr<BaseProtocol> protocol) {
  return make_as(terms, [&](const transport::Securing& securing) {
    return tls::TlsTransport::make(core, securing, std::move(protocol), transport::Opening::awaited);
  });
}

std::shared_ptr<tls::TlsTransport> SecuredPart::upgrade(transport::InnerTransport& below, const Terms& terms,
                                                        std::shared_ptr<BaseProtocol> protocol) {
  return make_as(terms, [&](const transport::Securing& securing) {
    return tls::TlsTransport::upgrade(below, securing, std::move(protocol), BytesView());
  });
}

void SecuredPart::tell_waiter(const tls::TlsTransport& connection, PyObject* loop, PyObject* transport) {
  const auto alive =
      std::make_shared<const std::pair<Owned, Owned>>(Owned::share(loop), Owned::share(transport));
  held_by_handshake_ = alive;
  connection.opened().add_done_callback([this, alive](const Future<TransportRef>& opened) {
    handshake_is_over(opened, alive->first.get(), alive->second.get());
  });
}

void SecuredPart::handshake_is_over(const Future<TransportRef>& opened, PyObject* loop, PyObject* transport) {
  const Owned waiter = waiter_ ? std::move(waiter_) : Owned::share(Py_None);
  const std::exception_ptr failure = opened.core()->failure();
  Owned told;
  if (failure != nullptr) {
    const Owned exception = exception_for(failure);
    if (!exception) throw_python_error();
    told = Owned::take(PyObject_CallFunctionObjArgs(names().handshake_failed, loop, transport, waiter.get(),
                                                    exception.get(), nullptr));
  } else if (waiter.get() == Py_None) {
    return;
  } else {
    told = Owned::take(
        PyObject_CallFunctionObjArgs(names().set_result_unless_cancelled, waiter.get(), Py_None, nullptr));
  }
  if (!told) throw_python_error();
}

Owned SecuredPart::exception_for(const std::exception_ptr& reason) const {
  try {
    std::rethrow_exception(reason);
  } catch (const TlsError& error) {
    // The engine's own are Python's: these are the connection's.
    switch (static_cast<TlsErrc>(error.code().value())) {
      case TlsErrc::handshake_timed_out: {
        const Owned text = Owned::take(
            PyUnicode_FromFormat("SSL handshake is taking longer than %S seconds: aborting the connection",
                                 handshake_timeout_.get()));
        return text ? Owned::take(PyObject_CallOneArg(PyExc_ConnectionAbortedError, text.get())) : Owned();
      }
      case TlsErrc::shutdown_timed_out:
        return Owned::take(PyObject_CallFunction(PyExc_TimeoutError, "s", "SSL shutdown timed out"));
      default:
        return Owned::take(PyObject_CallNoArgs(PyExc_ConnectionResetError));
    }
  } catch (...) {
    return exception_for_python(std::current_exception());
  }
}

int SecuredPart::traverse(visitproc visit, void* arg) const {
  Py_VISIT(waiter_.get());
  if (const auto held = held_by_handshake_.lock(); held != nullptr) {
    Py_VISIT(held->first.get());
    Py_VISIT(held->second.get());
  }
  return engine_ != nullptr ? engine_->traverse(visit, arg) : 0;
}

void SecuredPart::clear() noexcept {
  waiter_.reset();
  if (engine_ != nullptr) engine_->clear();
}

}  // namespace tidegate::python
