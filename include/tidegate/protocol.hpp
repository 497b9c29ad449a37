// Protocols: what decides which bytes. A program derives from one of these; a transport calls it. (Those of
// datagrams are in datagram.hpp.)
//
// The order of calls, for every connection (contract L1, L2):
//     connection_made -> [data_received | get_buffer -> buffer_updated]* -> [eof_received]? ->
//     connection_lost
// with pause_writing and resume_writing strictly alternating in between. Every call comes from the loop, on
// its thread, and none comes while another is running, except pause_writing, which a `write` may call before
// it returns.
#pragma once

#include <tidegate/bytes.hpp>
#include <tidegate/error.hpp>
#include <tidegate/ref.hpp>

#include <cstddef>

namespace tidegate {

class Transport;

namespace transport {
class DatagramProtocolSlot;
class ProtocolSlot;
}  // namespace transport

/// A share in a stream transport. Safe to keep and to call for ever: after `connection_lost` calls do
/// nothing.
using TransportRef = Ref<Transport>;

/// What all protocols have in common.
///
/// Lifetime: the transport keeps its protocol alive until `connection_lost` has returned.
class BaseProtocol {
 public:
  BaseProtocol() = default;
  BaseProtocol(const BaseProtocol&) = delete;
  BaseProtocol& operator=(const BaseProtocol&) = delete;
  virtual ~BaseProtocol() = default;

  /// The connection has ended: called exactly once, after every other call, if `connection_made` was called
  /// (L2). `reason` is empty for a regular end of file, `close()` and `abort()` (L3). Should it throw, that
  /// is reported and the connection is released all the same (L7).
  virtual void connection_lost(const Error& reason) { static_cast<void>(reason); }

  /// The transport's buffer went strictly over its high-water mark: stop writing (F1). Called from inside
  /// `write`.
  virtual void pause_writing() {}

  /// The buffer has drained to its low-water mark or below: write again (F1).
  virtual void resume_writing() {}

 private:
  // Which of the kinds of protocols it is, for the transport; asked once per connection, where a dynamic_cast
  // costs more than the rest of what a protocol's place needs.
  friend class transport::DatagramProtocolSlot;
  friend class transport::ProtocolSlot;
  friend class Protocol;
  friend class BufferedProtocol;
  friend class DatagramProtocol;
  enum class Kind : unsigned char { other, plain, buffered, datagram };
  [[nodiscard]] virtual Kind kind() const noexcept { return Kind::other; }
};

/// What the protocols of byte streams (TCP, Unix, TLS, pipes) have in common.
class StreamProtocol : public BaseProtocol {
 public:
  /// A connection is there: called exactly once, before every other call (L1). Keep `transport` to write to
  /// it.
  virtual void connection_made(TransportRef transport) { static_cast<void>(transport); }

  /// The other end will not send any more: called at most once; no data comes after it (R3). Return false
  /// (the default) to have the transport closed once what is buffered has been sent, true to keep it open for
  /// writing.
  virtual bool eof_received() { return false; }
};

/// A byte stream whose data comes as it arrives.
class Protocol : public StreamProtocol {
 public:
  /// Some bytes arrived: never none, in order, cut anywhere (R1). Should it throw, the connection is aborted
  /// with that exception as the reason (L7). Lifetime: `data` is valid until this returns, also when the
  /// transport is closed meanwhile. Writing it, or parts of it, to the same transport from in here copies
  /// nothing where the kernel takes it.
  virtual void data_received(BytesView data) { static_cast<void>(data); }

 private:
  [[nodiscard]] Kind kind() const noexcept final { return Kind::plain; }
};

/// A byte stream that is received straight into memory that the protocol provides, without a copy (R4).
class BufferedProtocol : public StreamProtocol {
 public:
  /// Where the next bytes go: any size but none. `size_hint_bytes` is what would do well, -1 where that is
  /// unknown. An empty buffer is an error: the connection is aborted with "get_buffer() returned an empty
  /// buffer". Lifetime: the memory belongs to the transport until `buffer_updated` or the next `get_buffer`
  /// or `connection_lost` is called.
  virtual MutableBytesView get_buffer(std::ptrdiff_t size_hint_bytes) = 0;

  /// The first `size_bytes` bytes of the last buffer were filled; 0 < `size_bytes` <= its size.
  virtual void buffer_updated(std::size_t size_bytes) = 0;

 private:
  [[nodiscard]] Kind kind() const noexcept final { return Kind::buffered; }
};

}  // namespace tidegate
