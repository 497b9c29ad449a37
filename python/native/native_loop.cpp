// The native half of a loop: see native_loop.hpp. Its Python methods are in loop_type.cpp.
#include "native_loop.hpp"

#include "into_python.hpp"
#include "names.hpp"
#include "protocol_adapter.hpp"
#include "transport/layer.hpp"

#include <chrono>
#include <utility>

namespace tidegate::python {

NativeLoop::~NativeLoop() {
  const PendingError error;  // of whoever dropped it
  close();
}

void NativeLoop::open(BackendKind backend) {
  loop_ = std::make_unique<Loop>(LoopOptions{.backend = backend});
  loop_->core().sleep_observer = this;
  closed_ = false;
  loop_->set_exception_handler([this](Loop&, const ExceptionContext& context) { tell_exception(context); });
}

void NativeLoop::close() {
  closed_ = true;
  terms_of_futures_.reset();
  empty_context_.reset();
  if (!loop_) return;
  loop_->close();
  watched_.clear();
}

double NativeLoop::now_seconds() const noexcept {
  const TimePoint now = loop_ ? core().backend().now() : std::chrono::steady_clock::now();
  return std::chrono::duration<double>(now.time_since_epoch()).count();
}

PyObject* NativeLoop::terms_of_futures() {
  if (!terms_of_futures_) terms_of_futures_ = Owned::take(Py_BuildValue("{sO}", "loop", object_));
  return terms_of_futures_.get();
}

bool NativeLoop::check_open() const noexcept {
  if (!closed_ && loop_ != nullptr) [[likely]]
    return true;
  PyErr_SetString(PyExc_RuntimeError, "Event loop is closed");
  return false;
}

// --- running -----------------------------------------------------------------------------------------------

PyObject* NativeLoop::run() noexcept {
  if (!check_open()) return nullptr;
  return guarded([this]() -> PyObject* {
    core().run_forever();
    stopping_ = true;  // whoever called us asks
    if (!interruption_) Py_RETURN_NONE;
    const Owned exception = std::exchange(interruption_, Owned());
    PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(exception.get())), exception.get());
    return nullptr;
  });
}

void NativeLoop::stop() noexcept {
  stopping_ = true;
  if (loop_) core().stop();
}

void NativeLoop::falls_asleep() noexcept {
  lent_buffer.release();
  asleep_ = true;
  thread_state_ = PyEval_SaveThread();
}

void NativeLoop::wakes_up() noexcept {
  into_python([this] { PyEval_RestoreThread(std::exchange(thread_state_, nullptr)); });
  asleep_ = false;
  woken_ = false;
  if (PyErr_CheckSignals() < 0) interrupt();
}

void NativeLoop::interrupt() noexcept {
  core().interrupt();
  // Nobody can be given two: the first one is what the program sees.
  if (interruption_) return PyErr_WriteUnraisable(object_);
  interruption_ = take_exception();
}

// --- errors ------------------------------------------------------------------------------------------------

bool NativeLoop::is_for_the_program() noexcept { return is_for_the_program(PyErr_Occurred()); }

bool NativeLoop::is_for_the_program(PyObject* exception) noexcept {
  return PyErr_GivenExceptionMatches(exception, PyExc_SystemExit) != 0 ||
         PyErr_GivenExceptionMatches(exception, PyExc_KeyboardInterrupt) != 0;
}

void NativeLoop::handle_failed(PyObject* handle) {
  if (is_for_the_program()) return interrupt();
  const Owned exception = take_exception();
  const Owned told = call_method(object_, names().report_handle, handle, exception.get());
  if (told) return;
  if (is_for_the_program()) return interrupt();
  PyErr_WriteUnraisable(object_);
}

void NativeLoop::call_in_debug_mode(PyObject* handle) {
  if (call_method(object_, names().call_in_debug_mode, handle)) return;
  interrupt();  // what comes through there is for the program
}

void NativeLoop::report(const char* message, PyObject* transport, PyObject* protocol) noexcept {
  if (is_for_the_program()) return interrupt();
  report(message, take_exception(), transport, protocol);
}

void NativeLoop::report(const char* message, Owned exception, PyObject* transport,
                        PyObject* protocol) noexcept {
  if (is_for_the_program(exception.get())) {
    // Out of something that only passes on what it is told.
    PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(exception.get())), exception.get());
    return interrupt();
  }
  const Owned context = Owned::take(Py_BuildValue("{ss}", "message", message));
  bool whole = static_cast<bool>(context);
  const auto add = [&](const char* key, PyObject* value) {
    if (whole && value != nullptr) whole = PyDict_SetItemString(context.get(), key, value) == 0;
  };
  add("exception", exception.get());
  add("transport", transport);
  add("protocol", protocol);
  const Owned told = whole ? call_method(object_, names().call_exception_handler, context.get()) : Owned();
  if (told) return;
  if (is_for_the_program()) return interrupt();
  PyErr_WriteUnraisable(object_);
}

/// What the core has to tell, of which no transport of ours has made anything already.
void NativeLoop::tell_exception(const ExceptionContext& context) noexcept {
  Owned exception;
  if (context.exception != nullptr) {
    exception = exception_for_python(context.exception);
    if (!exception) exception = take_exception();
  }
  BaseProtocol* protocol = context.protocol;
  std::shared_ptr<BaseProtocol> above;
  if (auto* const layer = dynamic_cast<transport::Layer*>(protocol); layer != nullptr) {
    if (!exception) return;  // the one above tells it
    above = layer->above().get_protocol();
    protocol = above.get();
  }
  const auto* const adapter = dynamic_cast<const ProtocolAdapter*>(protocol);
  if (adapter == nullptr) return report(context.message.c_str(), std::move(exception), nullptr, nullptr);
  if (!exception) return adapter->was_left_open();
  // Asyncio's users expect to hear of their own errors, and not of the network's.
  const bool is_of_system = PyObject_IsInstance(exception.get(), PyExc_OSError) == 1;
  if (is_of_system && context.message.starts_with("Fatal") && !debug_) return;
  report(context.message.c_str(), std::move(exception), adapter->transport(), adapter->protocol());
}

int NativeLoop::traverse(visitproc visit, void* arg) const {
  if (const int stop = watched_.traverse(visit, arg); stop != 0) return stop;
  Py_VISIT(interruption_.get());
  Py_VISIT(terms_of_futures_.get());
  Py_VISIT(empty_context_.get());
  // Each is held by the core, which is ours.
  for (const auto& [descriptor, transport] : transports_) Py_VISIT(transport);
  if (!loop_) return 0;
  int result = 0;
  core().for_each_scheduled([&](const detail::ReadyNode& node) {
    const auto* const handle = dynamic_cast<const HandlePart*>(&node);
    if (result == 0 && handle != nullptr) result = handle->traverse_queued(visit, arg);
  });
  return result;
}

}  // namespace tidegate::python
