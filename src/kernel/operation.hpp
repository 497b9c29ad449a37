// Operations: what a transport asks of the kernel. Each completes exactly once per start, also when
// cancelled; the receiving and accepting ones deliver any number of results before that. They know nothing of
// how a backend does it.
#pragma once

#include <tidegate/bytes.hpp>
#include <tidegate/descriptor.hpp>
#include <tidegate/endpoint.hpp>

#include "kernel/sendfile_call.hpp"
#include "net/socket_address.hpp"

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

#include <sys/uio.h>

namespace tidegate::kernel {

class Operation;

/// How far an operation has come, which only a backend changes.
class OperationState {
 public:
  OperationState() noexcept = default;
  OperationState(const OperationState&) = delete;
  OperationState& operator=(const OperationState&) = delete;

  /// True from `start` until just before `completed` is called.
  [[nodiscard]] bool in_flight() const noexcept { return progress_ != Progress::idle; }

 private:
  friend class Backend;

  enum class Progress : unsigned char { idle, armed, done };

  Operation* next_done_ = nullptr;
  int result_ = 0;
  Progress progress_ = Progress::idle;

  // How a ReceiveOperation receives. One number, so that one look tells whether there is anything special.
  using Special = unsigned char;
  static constexpr Special kHeld = 1;
  static constexpr Special kDrains = 2;
  static constexpr Special kOwnMemory = 4;
  static constexpr Special kModest = 8;
  static constexpr Special kInPieces = 16;
  Special special_ = 0;
  void set_special(Special flag, bool is_set) noexcept {
    special_ = static_cast<Special>(is_set ? special_ | flag : special_ & ~flag);
  }

  // How much is sent as one: see DatagramSendOperation.
  std::uint16_t train_limit_bytes_ = 0;

  friend class DatagramSendOperation;
  friend class ReceiveOperation;
};

/// One request to the kernel, owned by whoever starts it.
///
/// Lifetime: from `start` until `completed` was called it must stay where it is.
class Operation : public OperationState {
 public:
  /// The end: a count (0 or more) or a negative errno; -ECANCELED after `Backend::cancel`. Called by the
  /// backend, from `dispatch` or `tell_done` and never from inside `start` or `cancel`. It may start the
  /// operation again.
  virtual void completed(int result) = 0;

 protected:
  ~Operation() = default;
};

/// Receives until the other end is done. `completed(0)` is the end of file.
class ReceiveOperation : public Operation {
 public:
  /// Whether the next bytes go into memory of the owner's, which `target` tells, instead of memory that the
  /// backend lends. Only the owner changes it, at any time.
  void set_own_memory(bool own) noexcept { set_special(kOwnMemory, own); }
  [[nodiscard]] bool own_memory() const noexcept { return (special_ & kOwnMemory) != 0; }

  /// From now on no more than `kModestBytes` at a time in lent memory: for an owner that may have to keep
  /// what it gets.
  void set_modest() noexcept { special_ |= kModest; }
  static constexpr std::size_t kModestBytes = std::size_t{256} * 1024;

  /// Where the next bytes go; empty: into lent memory after all. Called at the moment of receiving, and only
  /// where `own_memory()`. The operation may be cancelled or held from inside; then nothing is received.
  virtual MutableBytesView target() = 0;

  /// The beginning of the last `target()`, `size_bytes` > 0 of it, has been filled.
  virtual void filled(std::size_t size_bytes) = 0;

  /// Some bytes arrived in lent memory.
  /// Lifetime: they are valid, and stay as they are, until this returns; what `Backend::send` was given of
  /// them meanwhile, until that has completed.
  virtual void received(BytesView bytes) = 0;

 protected:
  ~ReceiveOperation() = default;
};

/// Sends some bytes of a buffer when the kernel takes any: `completed(count)`, count > 0; or -EAGAIN where
/// `Backend::send` began it and the kernel took nothing.
class SendOperation : public Operation {
 public:
  /// Puts the bytes to be sent, in order, into `pieces` and returns how many of those it filled; at least one
  /// byte in all. Lifetime: the memory stays until `completed`.
  virtual std::size_t gather(std::span<iovec> pieces) = 0;

 protected:
  ~SendOperation() = default;
};

/// Sends a part of a file, from the page cache, when the kernel takes any: `completed(count)`; 0 where the
/// file ends before the part; or an error, which may be the file's or the connection's.
class FileSendOperation : public Operation {
 public:
  /// What is to be sent; not empty. Asked at the moment of sending. Lifetime: the file is open until
  /// `completed`, or until it is cancelled.
  [[nodiscard]] virtual FilePart part() = 0;

 protected:
  ~FileSendOperation() = default;
};

/// Receives datagrams until it is cancelled, or until there is an error: one that the system has kept for the
/// socket, such as ECONNREFUSED, and which is gone when it has been told. It may be started again then.
class DatagramReceiveOperation : public Operation {
 public:
  /// What its socket carries: Unix datagrams may be larger than those of the internet.
  [[nodiscard]] virtual AddressFamily family() const noexcept = 0;

  /// One datagram, whole, possibly empty, and who sent it. The operation may be cancelled or held from
  /// inside: the next one that is started on the channel, or `Backend::resume`, goes on where this one
  /// stopped.
  /// Lifetime: both are valid until this returns.
  virtual void received(BytesView datagram, const net::SocketAddress& sender) = 0;

 protected:
  ~DatagramReceiveOperation() = default;
};

/// A datagram on its way out.
struct OutgoingDatagram {
  BytesView bytes;
  /// A sockaddr; empty: to where the socket is connected to.
  BytesView address;
};

/// Sends some datagrams when the kernel takes any: `completed(count)`, count > 0 of those that it gathered
/// last; or the error of the first of them.
class DatagramSendOperation : public Operation {
 public:
  /// No more are taken at a time.
  static constexpr std::size_t kBatch = 64;

  /// Lets the kernel cut one large message into datagrams, where many of one size go to one address; only
  /// UDP knows how to, and everything else would send the large message itself. What an address or an
  /// interface refuses is remembered here.
  void allow_trains() noexcept { train_limit_bytes_ = std::numeric_limits<std::uint16_t>::max(); }

  /// Puts the datagrams to be sent, in order, into `datagrams`, and returns how many those are; at least one.
  /// Lifetime: their memory stays until `completed`.
  virtual std::size_t gather(std::span<OutgoingDatagram> datagrams) = 0;

 protected:
  ~DatagramSendOperation() = default;
};

/// Accepts connections until it is cancelled or the system runs out of something (`completed(-EMFILE)` and
/// such).
class AcceptOperation : public Operation {
 public:
  /// How many connections to accept per `dispatch` at most.
  [[nodiscard]] virtual int batch() const noexcept = 0;

  /// One connection, non-blocking and close-on-exec. The operation may be cancelled from inside.
  virtual void accepted(OwnedFileDescriptor descriptor, const net::SocketAddress& peer) = 0;

 protected:
  ~AcceptOperation() = default;
};

/// Connects a channel: `completed(0)`, or the error of the attempt.
class ConnectOperation : public Operation {
 public:
  /// Where to. Lifetime: stays until `completed`.
  [[nodiscard]] virtual const net::SocketAddress& address() const noexcept = 0;

 protected:
  ~ConnectOperation() = default;
};

/// What a PollOperation waits for.
enum class Readiness : unsigned char { readable, writable };

/// Watches a descriptor that somebody else owns, again and again, until it is cancelled.
class PollOperation : public Operation {
 public:
  /// It is ready (or broken). Called once in every iteration in which that is so.
  virtual void ready() = 0;

 protected:
  ~PollOperation() = default;
};

}  // namespace tidegate::kernel
