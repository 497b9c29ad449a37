// Names of Python's that are looked up again and again, and what asyncio has under some of them.
#pragma once

#include "python.hpp"

namespace tidegate::python {

struct Names {
  // Methods that are written in Python, of tidegate.Loop.
  PyObject* call_exception_handler = nullptr;
  PyObject* report_handle = nullptr;
  PyObject* call_in_debug_mode = nullptr;
  PyObject* check_thread = nullptr;
  PyObject* check_callback = nullptr;
  PyObject* note_source = nullptr;
  PyObject* note_call = nullptr;
  PyObject* attach_to_server = nullptr;
  PyObject* detach_from_server = nullptr;
  PyObject* call_soon = nullptr;
  PyObject* resolve_for_socket = nullptr;
  PyObject* pause_accepting = nullptr;
  PyObject* note_connection = nullptr;
  // Methods of protocols.
  PyObject* connection_made = nullptr;
  PyObject* data_received = nullptr;
  PyObject* get_buffer = nullptr;
  PyObject* buffer_updated = nullptr;
  PyObject* eof_received = nullptr;
  PyObject* pause_writing = nullptr;
  PyObject* resume_writing = nullptr;
  PyObject* connection_lost = nullptr;
  PyObject* datagram_received = nullptr;
  PyObject* error_received = nullptr;
  // Of asyncio.StreamReaderProtocol, asyncio.StreamReader and asyncio.Future.
  PyObject* stream_reader_reference = nullptr;
  PyObject* feed_data = nullptr;
  PyObject* wakeup_waiter = nullptr;
  PyObject* buffer = nullptr;
  PyObject* limit = nullptr;
  PyObject* eof = nullptr;
  PyObject* waiter = nullptr;
  PyObject* cancelled = nullptr;
  PyObject* set_result = nullptr;
  PyObject* future = nullptr;
  // Methods of sockets and files.
  PyObject* fileno = nullptr;
  PyObject* detach = nullptr;
  PyObject* sendto = nullptr;
  PyObject* close = nullptr;
  PyObject* getsockname = nullptr;
  PyObject* getpeername = nullptr;
  // Of TLS: of ssl.SSLContext; methods of ssl.SSLObject and ssl.MemoryBIO, and where an SSLObject has its
  // context and CPython's own.
  PyObject* wrap_bio = nullptr;
  PyObject* msg_callback = nullptr;
  PyObject* context = nullptr;
  PyObject* sslobj = nullptr;
  PyObject* do_handshake = nullptr;
  PyObject* read = nullptr;
  PyObject* write = nullptr;
  PyObject* pending = nullptr;
  PyObject* shutdown = nullptr;
  // Keys of get_extra_info.
  PyObject* socket = nullptr;
  PyObject* pipe = nullptr;
  PyObject* sockname = nullptr;
  PyObject* peername = nullptr;

  // Objects of asyncio's, and a number.
  PyObject* buffered_protocol = nullptr;
  PyObject* futures = nullptr;
  PyObject* no_arguments = nullptr;  // an empty tuple
  PyObject* set_result_unless_cancelled = nullptr;
  PyObject* set_exception_unless_done = nullptr;
  PyObject* transport_socket = nullptr;
  PyObject* socket_class = nullptr;
  PyObject* sendfile_not_available = nullptr;
  PyObject* try_native_sendfile = nullptr;
  PyObject* fallback_sendfile = nullptr;
  PyObject* minus_one = nullptr;

  // Of TLS: null before `prepare_tls_names`.
  PyObject* memory_bio = nullptr;
  PyObject* ssl_want_read = nullptr;
  PyObject* ssl_syscall = nullptr;
  PyObject* ssl_zero_return = nullptr;
  PyObject* describe_tls = nullptr;
  PyObject* handshake_failed = nullptr;
  PyObject* warn_of_open_eof = nullptr;
};

[[nodiscard]] const Names& names() noexcept;

/// False with an exception set.
[[nodiscard]] bool prepare_names();
/// The same, of the module `ssl`, which not every interpreter has. Does nothing the second time.
[[nodiscard]] bool prepare_tls_names();

}  // namespace tidegate::python
