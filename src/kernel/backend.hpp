// THE SEAM: what the loop and the transports need of a kernel. They see only this; an implementation sees
// only operations.
#pragma once

#include <tidegate/callback.hpp>
#include <tidegate/descriptor.hpp>
#include <tidegate/endpoint.hpp>
#include <tidegate/handle.hpp>
#include <tidegate/loop.hpp>
#include <tidegate/socket.hpp>

#include "kernel/channel.hpp"
#include "kernel/datagram_calls.hpp"
#include "kernel/kept_datagrams.hpp"
#include "kernel/operation.hpp"
#include "net/socket_options.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tidegate::kernel {

/// One way of talking to a kernel.
///
/// Rules that every implementation keeps:
/// - Callbacks (`received`, `accepted`, `ready`, `completed`) come from `dispatch` and `tell_done` only.
/// - An operation that was started completes exactly once. After `cancel` or `hold` has returned, nothing
/// more
///   is delivered to it; after `cancel` its completion still comes, as -ECANCELED.
/// - A steady state costs no bookkeeping: watching a descriptor is set up once, not per operation.
/// - Work per descriptor and dispatch is bounded; what is left over waits for the next one (contract E5).
/// - The end of file of a socket is told in a later dispatch than the bytes before it.
///
/// Thread: the loop's, except `wake`.
class Backend {
 public:
  Backend() = default;
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;
  virtual ~Backend() = default;

  [[nodiscard]] virtual std::string_view name() const noexcept = 0;

  /// The loop's clock.
  [[nodiscard]] virtual TimePoint now() const noexcept = 0;

  // --- what else there is on a kernel --------------------------------------------------------------

  /// A new socket, non-blocking and close-on-exec. Throws OsError, std::invalid_argument for `unspecified`.
  [[nodiscard]] virtual Socket make_socket(AddressFamily family, net::SocketType type);

  /// The addresses of a name, with port 0, where this kernel has names of its own, which may be none; nothing
  /// where that is for the system's resolver to say.
  [[nodiscard]] virtual std::optional<std::vector<Endpoint>> addresses_of(std::string_view name) const;

  /// Runs a job that may block beside the loop, where this kernel has a way of its own; false, and the job is
  /// left as it is, where that is for a thread to do.
  [[nodiscard]] virtual bool run_apart(Callback& job);
  /// Forgets the jobs that have not begun.
  virtual void drop_jobs() noexcept {}

  /// Whether programs can be started that use its descriptors.
  [[nodiscard]] virtual bool has_programs() const noexcept { return true; }

  // --- descriptors -------------------------------------------------------------------------------

  /// Takes over a socket. Throws OsError; the descriptor is closed then.
  [[nodiscard]] virtual ChannelId attach(OwnedFileDescriptor descriptor) = 0;

  /// The same for what is no socket: a pipe, a FIFO, a terminal. It is received from, sent to and watched for
  /// a hangup as a socket is; nothing is ever lent to a send on it for longer than the call. REQUIRES: the
  /// descriptor is non-blocking, and stays so.
  [[nodiscard]] virtual ChannelId attach_file(OwnedFileDescriptor descriptor) = 0;

  /// The descriptor behind a channel; an invalid one if it is closed.
  [[nodiscard]] virtual FileDescriptor descriptor(ChannelId channel) const noexcept = 0;

  /// True where a channel owns this descriptor.
  [[nodiscard]] virtual bool owns(FileDescriptor descriptor) const noexcept = 0;

  /// Closes the descriptor. REQUIRES: nothing is in flight on it.
  virtual void close(ChannelId channel) noexcept = 0;

  /// Gives the descriptor back, unwatched and open. REQUIRES: nothing is in flight on it.
  [[nodiscard]] virtual OwnedFileDescriptor detach(ChannelId channel) noexcept = 0;

  // --- operations --------------------------------------------------------------------------------

  virtual void start(ReceiveOperation& operation, ChannelId channel) noexcept = 0;
  virtual void start(SendOperation& operation, ChannelId channel) noexcept = 0;
  /// Waits for room, and sends then.
  virtual void start(FileSendOperation& operation, ChannelId channel) noexcept = 0;
  virtual void start(AcceptOperation& operation, ChannelId channel) noexcept = 0;
  virtual void start(ConnectOperation& operation, ChannelId channel) noexcept = 0;
  virtual void start(DatagramReceiveOperation& operation, ChannelId channel) noexcept = 0;
  /// Waits for room, and sends then.
  virtual void start(DatagramSendOperation& operation, ChannelId channel) noexcept = 0;
  /// Throws OsError for what can't be watched (a regular file).
  virtual void start(PollOperation& operation, FileDescriptor descriptor, Readiness readiness) = 0;

  /// Asks for the end of an operation that was started on `channel`. Does nothing where it is not in flight.
  virtual void cancel(Operation& operation, ChannelId channel) noexcept = 0;
  virtual void cancel(PollOperation& operation, FileDescriptor descriptor) noexcept = 0;

  /// Delivers nothing until `resume`; the kernel is not touched for a short hold. Whatever arrives meanwhile
  /// waits.
  virtual void hold(ReceiveOperation& operation) noexcept = 0;
  virtual void resume(ReceiveOperation& operation, ChannelId channel) noexcept = 0;

  /// The same for datagrams. One that has been received stays, also while nobody receives.
  static void hold(DatagramReceiveOperation& operation) noexcept { set_held(operation, true); }
  virtual void resume(DatagramReceiveOperation& operation, ChannelId channel) noexcept = 0;

  /// Delivers what has arrived already, then completes, with -EAGAIN if nothing else ends it before.
  virtual void drain(ReceiveOperation& operation, ChannelId channel) noexcept = 0;

  /// Receives nothing; completes when the connection is broken, with its error, or with 0 where both
  /// directions ended in order. For connections whose other end has finished sending, and for the write end
  /// of a pipe: -EPIPE there, when the last reader has gone. Never for what can't be watched (/dev/null).
  virtual void watch_hangup(ReceiveOperation& operation, ChannelId channel) noexcept = 0;

  /// Sends what the kernel takes at this moment: a count > 0, or a negative errno (-EAGAIN: nothing now).
  /// REQUIRES: no SendOperation in flight on the channel.
  [[nodiscard]] virtual std::ptrdiff_t try_send(ChannelId channel, std::span<iovec> pieces) noexcept = 0;

  /// Sends what the kernel takes at this moment of a part of a file: as FileSendOperation completes, or
  /// -EAGAIN: nothing now. The memory is the kernel's, so there is no copy; where the part is not in the page
  /// cache, this waits for the disk. REQUIRES: nothing that sends is in flight on the channel.
  [[nodiscard]] virtual std::ptrdiff_t try_send_file(ChannelId channel, const FilePart& part) noexcept;

  /// Sends those datagrams that the kernel takes at this moment: how many of the first ones, > 0; or the
  /// negative errno with which it refused the first (-EAGAIN: nothing now). REQUIRES: `operation`, for which
  /// this is done, is not in flight.
  [[nodiscard]] virtual std::ptrdiff_t try_send(DatagramSendOperation& operation, ChannelId channel,
                                                std::span<const OutgoingDatagram> datagrams) noexcept;

  /// What `send` and `conclude` return for an operation that is in flight: it tells by `completed`.
  static constexpr std::ptrdiff_t kUnderWay = 0;

  /// Sends what the kernel takes of `pieces`, at this moment or together with what others send when the loop
  /// comes round: as `try_send`, or kUnderWay; then `operation` has been started, and completes with what
  /// `try_send` would have returned. Of one piece, -EINTR is possible: a signal came in between, and it is
  /// worth another try. Lifetime: the pieces stay until then. Bytes that the backend has lent and that are
  /// sent from inside of `received` may be among them, if there is only one piece: they stay valid until
  /// `completed` has returned. REQUIRES: the operation is not in flight.
  [[nodiscard]] virtual std::ptrdiff_t send(SendOperation& operation, ChannelId channel,
                                            std::span<iovec> pieces) noexcept = 0;
  [[nodiscard]] virtual std::ptrdiff_t send(SendOperation& operation, ChannelId channel,
                                            BytesView piece) noexcept = 0;

  /// Has the kernel say now what it takes of what is under way. The operation is over then, without
  /// `completed`, and this returns what that would have been told; or kUnderWay: the kernel is full, and it
  /// waits for room. REQUIRES: the operation is in flight.
  [[nodiscard]] virtual std::ptrdiff_t conclude(SendOperation& operation, ChannelId channel) noexcept = 0;

  /// Hands the kernel what was started, as `wait` does, without waiting. For the time when the loop does not
  /// run, after which it may be run by another thread.
  virtual void submit() noexcept = 0;

  // --- the loop ----------------------------------------------------------------------------------

  /// Blocks until something can be dispatched, `wake` was called, or `timeout` passed; none: without a bound.
  /// For the first `spin` of that time it asks again and again instead of sleeping. The only blocking call of
  /// the library. A signal may end it early.
  ///
  /// Another thread than before may call it, after `submit`, and goes on with all that is in flight. Where
  /// the system does not let an implementation work in that thread (no descriptor for it, a sandbox), it says
  /// so in the log once, sleeps in here, a moment at a time, and tries again: nothing is lost, sent or
  /// received meanwhile.
  virtual void wait(std::optional<Duration> timeout, Duration spin) noexcept = 0;

  /// Tells the operations that have ended by themselves, such as by `cancel`, that they have. Comes before
  /// everything else of an iteration, so that a transport that closes has nothing in flight any more when its
  /// `connection_lost` is called.
  void tell_done() {
    if (!done_.empty()) done_.tell();
  }

  /// Delivers what `wait` found. What the operations do in answer must not throw, except std::bad_alloc: what
  /// was being delivered to that channel may be lost then, and it is to be closed.
  virtual void dispatch() = 0;

  /// Has every operation that was cancelled complete, for the end of the loop. REQUIRES: no other is in
  /// flight.
  virtual void settle() = 0;

  /// Ends the present or the next `wait`. One that comes after a `wait` has returned ends the next one,
  /// whatever happens in between: dispatching must not swallow it. Thread: any, and signal handlers.
  virtual void wake() noexcept = 0;

 protected:
  // What implementations may do to the private state of operations, in one place.
  static void arm(Operation& operation) noexcept {
    operation.progress_ = Operation::Progress::armed;
    operation.special_ &= Operation::kOwnMemory | Operation::kModest;
  }
  /// Takes back an `arm`: the start failed, and nothing will complete.
  static void disarm(Operation& operation) noexcept { operation.progress_ = Operation::Progress::idle; }
  [[nodiscard]] static bool armed(const Operation& operation) noexcept {
    return operation.progress_ == Operation::Progress::armed;
  }
  [[nodiscard]] static bool held(const Operation& operation) noexcept {
    return (operation.special_ & Operation::kHeld) != 0;
  }
  static void set_held(Operation& operation, bool held) noexcept {
    operation.set_special(Operation::kHeld, held);
  }
  [[nodiscard]] static bool drains(const Operation& operation) noexcept {
    return (operation.special_ & Operation::kDrains) != 0;
  }
  static void set_drains(Operation& operation) noexcept { operation.special_ |= Operation::kDrains; }
  [[nodiscard]] static bool modest(const Operation& operation) noexcept {
    return (operation.special_ & Operation::kModest) != 0;
  }
  /// Neither held nor draining, and content with lent memory, however much.
  [[nodiscard]] static bool receives_plainly(const Operation& operation) noexcept {
    return operation.special_ == 0;
  }

  /// Throws OsError for a descriptor of a simulated network, which the system does not know.
  static void refuse_simulated(FileDescriptor descriptor);

  /// Operations that have ended but were not told yet, first come first told.
  class DoneQueue {
   public:
    [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }
    void push(Operation& operation, int result) noexcept;
    /// Tells those that are queued now; what ends meanwhile waits for the next call.
    void tell();

   private:
    Operation* first_ = nullptr;
    Operation* last_ = nullptr;
  };

  /// Ends an operation on the spot. REQUIRES: called from `dispatch`.
  static void complete(Operation& operation, int result) {
    operation.progress_ = Operation::Progress::idle;
    operation.completed(result);
  }

  /// What `receive_now` came to.
  struct Received {
    std::size_t bytes = 0;
    /// There may be more: the turn was over.
    bool more = false;
    /// With what the operation is to be completed, if it is over.
    std::optional<int> end;
  };
  // What is read at once into lent memory. Where much arrives and nothing is sent while it is delivered,
  // pieces of `kPieceBytes`, several in a dispatch: they are still in the cache when they are looked at. Of
  // what is answered, or passed on to another connection, as much as there is: fewer and larger sends are
  // worth more. (bench/, against 512 KiB at once: one way in by 8 connections takes 0.8 x the CPU per byte
  // and goes 1.4 x as fast; an echo of 1 MiB would take 2.4 x.)

  static constexpr std::size_t kPieceBytes = std::size_t{64} * 1024;
  /// Delivers what has come into lent memory, and learns from it how the next is to be read.
  void deliver(ReceiveOperation& operation, BytesView bytes) {
    bytes.size() < kPieceBytes ? operation.received(bytes) : deliver_much(operation, bytes);
  }
  /// Every send of bytes says so.
  void note_send() noexcept { has_sent_ = true; }

  /// Where reading is over for now: after a short read, which has probably left nothing behind, or when there
  /// is nothing left.
  enum class Until : unsigned char { short_read, empty };
  /// Receives in any manner, and delivers, `until` then, or (when draining) until there is nothing left; but
  /// no more than one descriptor may have in one dispatch (contract E5). What a hold or a cancel left behind
  /// is not reported. REQUIRES: called from `dispatch`; at least kPieceBytes are lent.
  Received receive_now(FileDescriptor descriptor, ChannelKind kind, ReceiveOperation& operation,
                       MutableBytesView lent, Until until);
  /// With what a watch for a hangup ends, once there was one.
  [[nodiscard]] static int hangup_of(FileDescriptor descriptor, ChannelKind kind) noexcept;

  /// The same for datagrams: those that were kept, or else a batch of what the kernel has.
  Received receive_datagrams_now(ChannelId channel, DatagramReceiveOperation& operation);
  /// Asks the operation for its part and sends what the kernel takes of that: as `try_send_file`.
  [[nodiscard]] std::ptrdiff_t send_part(FileSendOperation& operation, ChannelId channel) noexcept;

  /// Asks the operation for datagrams and sends what the kernel takes of them: as `try_send`.
  [[nodiscard]] std::ptrdiff_t send_gathered_datagrams(DatagramSendOperation& operation,
                                                       ChannelId channel) noexcept;

  DoneQueue done_;
  KeptDatagrams kept_datagrams_;

 private:
  [[nodiscard]] static bool receives_in_pieces(const Operation& operation) noexcept {
    return (operation.special_ & Operation::kInPieces) != 0;
  }
  static void set_receives_in_pieces(Operation& operation, bool in_pieces) noexcept {
    operation.set_special(Operation::kInPieces, in_pieces);
  }
  void deliver_much(ReceiveOperation& operation, BytesView bytes);
  bool deliver(const DatagramBatch::Message& message, ChannelId channel, DatagramReceiveOperation& operation);
  void deliver_kept(ChannelId channel, DatagramReceiveOperation& operation);

  /// Made when the first datagrams are to be received.
  std::unique_ptr<DatagramBatch> batch_;
  /// Since it was last cleared; see `deliver_much`.
  bool has_sent_ = false;
};

/// The backend that `kind` and the environment variable TIDEGATE_BACKEND ask for, or epoll where the kernel
/// does not grant it. Throws OsError where epoll is refused as well, std::invalid_argument for a name that
/// does not exist.
///
/// A network is a simulated kernel, whatever the environment says; std::invalid_argument where another is
/// asked for beside it, or where a simulated one is asked for without.
[[nodiscard]] std::unique_ptr<Backend> make_backend(BackendKind kind, SimulatedNetwork* network);

}  // namespace tidegate::kernel
