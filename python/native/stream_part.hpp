// A stream transport as Python sees it: between a Python protocol and the core's transport. What the core
// calls is here; what Python calls is in stream_type.cpp.
#pragma once

#include <tidegate/protocol.hpp>

#include "extended_type.hpp"
#include "file_on_its_way.hpp"
#include "kernel/channel.hpp"
#include "native_loop.hpp"
#include "protocol_adapter.hpp"
#include "protocol_calls.hpp"
#include "python.hpp"
#include "secured_part.hpp"
#include "transport/inner_transport.hpp"
#include "transport/stream_transport.hpp"

#include <memory>

namespace tidegate::python {

class StreamPart;

/// The core's protocol for a Python one: passes on what happens, in the transport's context. The kinds differ
/// in how bytes come.
class StreamAdapter : public ProtocolAdapter {
 public:
  [[nodiscard]] StreamPart& part() const noexcept { return part_; }
  [[nodiscard]] PyObject* transport() const noexcept override { return transport_.get(); }
  [[nodiscard]] PyObject* protocol() const noexcept override;
  void was_left_open() const noexcept override;

 protected:
  /// Keeps the transport alive.
  explicit StreamAdapter(StreamPart& part);
  ~StreamAdapter() override;

 private:
  StreamPart& part_;
  Owned transport_;
};

/// What a Python transport is made of, beside the core's.
///
/// Lifetime: that of its Python object, which the core's transport keeps alive until the connection has
/// ended.
class StreamPart {
 public:
  Attachments attachments;  // first: the type says so

  StreamPart() = default;
  StreamPart(const StreamPart&) = delete;
  StreamPart& operator=(const StreamPart&) = delete;
  ~StreamPart() = default;

  /// What a connection is made of. All of them are borrowed.
  struct Terms {
    PyObject* loop = nullptr;
    /// What owns the descriptor: a socket, or a pipe.
    PyObject* file = nullptr;
    PyObject* protocol = nullptr;
    /// Null or None: nobody waits, nobody is told.
    PyObject* waiter = nullptr;
    PyObject* server = nullptr;
    int descriptor = -1;
  };

  /// Begins: the protocol is told soon (L1), then whoever waits. Throws.
  void open_socket(const Terms& terms);
  void open_pipe(const Terms& terms, transport::Direction direction);
  /// The same over TLS: the protocol is told, and then whoever waits, when the handshake is over.
  void open_tls(Terms terms, SecuredPart::Terms secured);
  /// TLS over a connection that is there already, whose protocol knows of it. What `below` was made of is
  /// this one's from now on.
  void open_tls_over(StreamPart& below, Terms terms, SecuredPart::Terms secured);

  // --- what is asked ---------------------------------------------------------------------------------

  [[nodiscard]] bool is_secured() const noexcept { return secured_ != nullptr; }
  /// The core's transport, which is there for ever. REQUIRES: it was opened.
  [[nodiscard]] transport::InnerTransport& core() const noexcept { return *transport_; }
  [[nodiscard]] bool is_opened() const noexcept { return static_cast<bool>(transport_); }
  [[nodiscard]] bool has_ended() const noexcept { return adapter_ == nullptr; }
  [[nodiscard]] NativeLoop& loop() const noexcept { return calls_.loop(); }
  [[nodiscard]] PyObject* loop_object() const noexcept { return calls_.loop_object(); }
  [[nodiscard]] PyObject* protocol() const noexcept { return calls_.protocol(); }
  [[nodiscard]] PyObject* file() const noexcept { return file_.get(); }
  [[nodiscard]] int descriptor() const noexcept { return descriptor_; }
  [[nodiscard]] PyObject* object() const noexcept;

  /// Throws PythonError for a protocol that lacks what is called.
  void set_protocol(PyObject* protocol);
  void pause_reading();
  void resume_reading();
  /// What a method that writes returns in the end.
  [[nodiscard]] PyObject* none_or_raised() noexcept { return calls_.none_or_raised(); }

  // --- what adapters tell ------------------------------------------------------------------------------

  void connection_made();
  void data_received(BytesView data);
  [[nodiscard]] MutableBytesView get_buffer();
  void buffer_updated(std::size_t size_bytes);
  [[nodiscard]] MutableBytesView memory_for_bulk();
  void bulk_received(std::size_t size_bytes);
  [[nodiscard]] bool eof_received();
  void pause_writing();
  void resume_writing();
  void connection_lost(const Error& reason);
  /// An adapter goes. The last one does so when the core is about to close the descriptor.
  void adapter_ends(const StreamAdapter& adapter) noexcept;
  void adapter_begins(const StreamAdapter& adapter) noexcept { adapter_ = &adapter; }

  /// The file that is being sent; there may be none.
  std::shared_ptr<FileOnItsWay> file_on_its_way;

  /// The loop was closed over it.
  void was_left_open() noexcept;

  // --- for the type ------------------------------------------------------------------------------------

  int traverse(visitproc visit, void* arg) const;
  void clear() noexcept;

 private:
  void remember(const Terms& terms);
  template <typename Make>
  void take_over_socket(const Terms& terms, const Make& make);
  void look_up_methods(PyObject* protocol);
  void deliver(const Owned& bytes);
  [[nodiscard]] bool feed_reader(BytesView data);
  void receive_in_bulk(bool in_bulk);
  [[nodiscard]] std::shared_ptr<BaseProtocol> make_adapter();
  void begin(const Terms& terms, transport::StreamTransport& socket);
  void let_go_of_file() noexcept;
  void pause_reading_for_interruption();

  ProtocolCalls calls_;
  Ref<transport::InnerTransport> transport_;
  const StreamAdapter* adapter_ = nullptr;  // null once it has ended
  Owned file_;
  Owned server_;
  Owned attached_;  // what the server knows of: this one's object, or that of the one below
  // Of the protocol, looked up once: data_received, or buffer_updated with get_buffer.
  Owned take_data_;
  Owned get_buffer_;
  std::unique_ptr<SecuredPart> secured_;  // where TLS is in between
  kernel::ChannelId channel_;             // of a socket
  int descriptor_ = -1;
  bool is_buffered_ = false;
  bool feeds_reader_ = false;         // data_received is a StreamReaderProtocol's own
  bool in_bulk_ = false;              // it is received into what becomes `bytes`, and not copied
  unsigned char small_receives_ = 0;  // in bulk, in a row
  bool is_socket_ = true;
  bool paused_for_interruption_ = false;
};

}  // namespace tidegate::python
