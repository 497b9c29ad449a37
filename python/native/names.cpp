// Names: see names.hpp.
#include "names.hpp"

#include "ssl_wrapping.hpp"

namespace tidegate::python {

namespace {

Names interned;

/// What is looked up by its own name.
struct Entry {
  PyObject* Names::*name;
  const char* text;
};

constexpr Entry kEntries[] = {
    {&Names::call_exception_handler, "call_exception_handler"},
    {&Names::report_handle, "_report_handle"},
    {&Names::call_in_debug_mode, "_call_in_debug_mode"},
    {&Names::check_thread, "_check_thread"},
    {&Names::check_callback, "_check_callback"},
    {&Names::note_source, "_note_source"},
    {&Names::note_call, "_note_call"},
    {&Names::attach_to_server, "_attach_to_server"},
    {&Names::detach_from_server, "_detach_from_server"},
    {&Names::call_soon, "call_soon"},
    {&Names::resolve_for_socket, "_resolve_for_socket"},
    {&Names::pause_accepting, "_pause_accepting"},
    {&Names::note_connection, "_note_connection"},
    {&Names::connection_made, "connection_made"},
    {&Names::data_received, "data_received"},
    {&Names::get_buffer, "get_buffer"},
    {&Names::buffer_updated, "buffer_updated"},
    {&Names::eof_received, "eof_received"},
    {&Names::pause_writing, "pause_writing"},
    {&Names::resume_writing, "resume_writing"},
    {&Names::connection_lost, "connection_lost"},
    {&Names::datagram_received, "datagram_received"},
    {&Names::error_received, "error_received"},
    {&Names::stream_reader_reference, "_stream_reader_wr"},
    {&Names::feed_data, "feed_data"},
    {&Names::wakeup_waiter, "_wakeup_waiter"},
    {&Names::buffer, "_buffer"},
    {&Names::limit, "_limit"},
    {&Names::eof, "_eof"},
    {&Names::waiter, "_waiter"},
    {&Names::cancelled, "cancelled"},
    {&Names::set_result, "set_result"},
    {&Names::future, "Future"},
    {&Names::fileno, "fileno"},
    {&Names::detach, "detach"},
    {&Names::sendto, "sendto"},
    {&Names::close, "close"},
    {&Names::getsockname, "getsockname"},
    {&Names::getpeername, "getpeername"},
    {&Names::wrap_bio, "wrap_bio"},
    {&Names::msg_callback, "_msg_callback"},
    {&Names::context, "context"},
    {&Names::sslobj, "_sslobj"},
    {&Names::do_handshake, "do_handshake"},
    {&Names::read, "read"},
    {&Names::write, "write"},
    {&Names::pending, "pending"},
    {&Names::shutdown, "shutdown"},
    {&Names::socket, "socket"},
    {&Names::pipe, "pipe"},
    {&Names::sockname, "sockname"},
    {&Names::peername, "peername"},
};

bool import(PyObject*& object, const char* module, const char* name) {
  const Owned imported = Owned::take(PyImport_ImportModule(module));
  object = imported ? PyObject_GetAttrString(imported.get(), name) : nullptr;
  return object != nullptr;
}

}  // namespace

const Names& names() noexcept { return interned; }

bool prepare_names() {
  for (const Entry& entry : kEntries) {
    interned.*entry.name = PyUnicode_InternFromString(entry.text);
    if (interned.*entry.name == nullptr) return false;
  }
  interned.minus_one = PyLong_FromLong(-1);
  interned.no_arguments = PyTuple_New(0);
  return interned.minus_one != nullptr && interned.no_arguments != nullptr &&
         import(interned.futures, "asyncio", "futures") &&
         import(interned.buffered_protocol, "asyncio.protocols", "BufferedProtocol") &&
         import(interned.set_result_unless_cancelled, "asyncio.futures", "_set_result_unless_cancelled") &&
         import(interned.set_exception_unless_done, "tidegate._support", "set_exception_unless_done") &&
         import(interned.fallback_sendfile, "tidegate._support", "FALLBACK_SENDFILE") &&
         import(interned.try_native_sendfile, "tidegate._support", "TRY_NATIVE_SENDFILE") &&
         import(interned.sendfile_not_available, "asyncio.exceptions", "SendfileNotAvailableError") &&
         import(interned.socket_class, "socket", "socket") &&
         import(interned.transport_socket, "asyncio.trsock", "TransportSocket");
}

bool prepare_tls_names() {
  return interned.describe_tls != nullptr ||
         (prepare_tls_wrapping() && import(interned.memory_bio, "ssl", "MemoryBIO") &&
          import(interned.ssl_want_read, "ssl", "SSLWantReadError") &&
          import(interned.ssl_syscall, "ssl", "SSLSyscallError") &&
          import(interned.ssl_zero_return, "ssl", "SSLZeroReturnError") &&
          import(interned.handshake_failed, "tidegate._support", "handshake_failed") &&
          import(interned.warn_of_open_eof, "tidegate._support", "warn_of_open_eof") &&
          import(interned.describe_tls, "tidegate._support", "describe_tls"));
}

}  // namespace tidegate::python
