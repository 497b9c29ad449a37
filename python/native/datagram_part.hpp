// A datagram transport as Python sees it: between a Python protocol and the core's transport. What the core
// calls is here, and how a datagram is sent; what Python calls is in datagram_type.cpp.
#pragma once

#include <tidegate/datagram.hpp>

#include "extended_type.hpp"
#include "kernel/channel.hpp"
#include "known_addresses.hpp"
#include "native_loop.hpp"
#include "protocol_adapter.hpp"
#include "protocol_calls.hpp"
#include "python.hpp"
#include "transport/datagram_transport.hpp"

#include <optional>

namespace tidegate::python {

class DatagramPart;

/// The core's protocol for a Python one: passes on what happens, in the transport's context. Keeps the
/// transport alive.
class DatagramAdapter final : public DatagramProtocol, public ProtocolAdapter {
 public:
  explicit DatagramAdapter(DatagramPart& part);
  ~DatagramAdapter() override;

  [[nodiscard]] PyObject* transport() const noexcept override { return transport_.get(); }
  [[nodiscard]] PyObject* protocol() const noexcept override;
  void was_left_open() const noexcept override;

 private:
  void connection_made(DatagramTransportRef transport) override;
  void datagram_received(BytesView data, const Endpoint& address) override;
  void error_received(const Error& error) override;
  void pause_writing() override;
  void resume_writing() override;
  void connection_lost(const Error& reason) override;

  DatagramPart& part_;
  Owned transport_;
};

/// What a Python transport is made of, beside the core's.
///
/// Lifetime: that of its Python object, which the core's transport keeps alive until it has ended.
class DatagramPart {
 public:
  Attachments attachments;  // first: the type says so

  DatagramPart() = default;
  DatagramPart(const DatagramPart&) = delete;
  DatagramPart& operator=(const DatagramPart&) = delete;
  ~DatagramPart() = default;

  /// What an endpoint is made of. All of them are borrowed.
  struct Terms {
    PyObject* loop = nullptr;
    PyObject* socket = nullptr;
    PyObject* protocol = nullptr;
    /// The only one to send to; None: any.
    PyObject* address = Py_None;
    /// None: nobody waits.
    PyObject* waiter = Py_None;
    int descriptor = -1;
    /// Whether the kernel knows where everything goes.
    bool is_connected = false;
  };

  /// Begins: the protocol is told soon (L1), then whoever waits. Throws.
  void open(const Terms& terms);

  /// As asyncio's transports have it. Throws PythonError and such.
  void sendto(PyObject* data, PyObject* address);
  void set_write_buffer_limits(const WriteBufferLimitOptions& limits);
  /// What either returns to the program in the end.
  [[nodiscard]] PyObject* none_or_raised() noexcept { return calls_.none_or_raised(); }

  // --- what is asked ---------------------------------------------------------------------------------

  /// The core's transport, which is there for ever. REQUIRES: it was opened.
  [[nodiscard]] transport::DatagramSocketTransport& core() const noexcept { return *transport_; }
  [[nodiscard]] bool is_opened() const noexcept { return static_cast<bool>(transport_); }
  [[nodiscard]] bool has_ended() const noexcept { return has_ended_; }
  [[nodiscard]] NativeLoop& loop() const noexcept { return calls_.loop(); }
  [[nodiscard]] PyObject* loop_object() const noexcept { return calls_.loop_object(); }
  [[nodiscard]] PyObject* protocol() const noexcept { return calls_.protocol(); }
  [[nodiscard]] PyObject* socket() const noexcept { return socket_.get(); }
  [[nodiscard]] PyObject* address() const noexcept { return address_.get(); }
  [[nodiscard]] int descriptor() const noexcept { return descriptor_; }
  [[nodiscard]] PyObject* object() const noexcept;

  /// Throws PythonError.
  void set_protocol(PyObject* protocol);

  // --- what the adapter tells --------------------------------------------------------------------------

  void connection_made();
  void datagram_received(BytesView data, const Endpoint& sender);
  void error_received(const Error& error);
  void pause_writing();
  void resume_writing();
  void connection_lost(const Error& reason);
  /// The core is about to close the descriptor.
  void adapter_ends() noexcept;
  /// The loop was closed over it.
  void was_left_open() noexcept;

  // --- for the type ------------------------------------------------------------------------------------

  int traverse(visitproc visit, void* arg) const;
  void clear() noexcept;

 private:
  class CalledByProgram;

  /// False: there is nothing to send.
  [[nodiscard]] bool check_data(PyObject* data) const;
  void check_address(PyObject* address) const;
  void send(PyObject* data, BytesView address);
  void send_by_second_look(PyObject* data, PyObject* address);
  void sending_failed();
  void attach_socket(const Terms& terms);
  void tell(PyObject* name, PyObject* argument);

  ProtocolCalls calls_;
  Ref<transport::DatagramSocketTransport> transport_;
  Owned socket_;
  Owned address_;        // the only one to send to; None: any
  Owned take_datagram_;  // of the protocol, looked up once
  std::optional<KnownAddresses> known_addresses_;
  kernel::ChannelId channel_;
  int descriptor_ = -1;
  int calls_by_program_ = 0;  // that have not returned
  bool is_connected_ = false;
  bool has_one_address_ = false;
  bool has_ended_ = false;
};

/// Makes the type. False with an exception set.
[[nodiscard]] bool prepare_datagrams(PyObject* module);

/// For NativeLoop's method of the same name; null with an exception set.
[[nodiscard]] PyObject* make_datagram_transport(PyObject* loop, PyObject* arguments, PyObject* keywords);

}  // namespace tidegate::python
