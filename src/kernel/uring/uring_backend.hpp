// The seam on io_uring: operations are requests, and their completions are what happened.
#pragma once

#include "base/scope_exit.hpp"
#include "kernel/backend.hpp"
#include "kernel/uring/buffer_ring.hpp"
#include "kernel/uring/lent_sends.hpp"
#include "kernel/uring/message_arena.hpp"
#include "kernel/uring/parked_input.hpp"
#include "kernel/uring/ring.hpp"
#include "kernel/uring/uring_slot.hpp"

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <unordered_map>
#include <vector>

#include <unistd.h>

namespace tidegate::kernel {

/// How each thing is asked for, and why so:
///
/// - **Small receives**: one multishot receive per connection, out of a shared ring of buffers. No call, and
///   no request per message.
/// - **Bulk, and memory of the receiver's own**: one multishot poll request, then recv at the moment of
///   delivery, as on epoll. What is asked of the receiver (`target`) stays true to the moment, and a large
///   read into memory that is still in the cache beats any number of provided buffers. The poll tells of
///   changes, so reading goes on until nothing is left: a short read is no proof of that, for out-of-band
///   data and passed descriptors end one early, and what the poll says of them can't be told from plain data.
///   (The last read, which finds nothing, costs less than a poll that is asked again for every message;
///   leaving it out altogether could not be told from chance.)
/// - **Datagrams** are received in batches by call, told of by a multishot poll as well; and sent by call, in
///   batches, too.
/// - **Sends** are requests, submitted together with the next wait, and never wait in the kernel: they take
///   what there is room for, or fail. So no memory is the kernel's between two calls, and lent bytes are sent
///   from where they are. (A send that waits in the kernel is a trap: to a peer that has half-closed it is
///   handed to a worker thread, which blocks, and can't be cancelled.)
/// - **Files** leave by sendfile(2), when there is room: a splice request would go to a worker thread, which
///   blocks there.
/// - **Room** is waited for by poll requests, which own nothing; and so is the end of a **connect**, which is
///   begun by a call: it can be given up at any moment, and waited for by any ring.
/// - **Pipes and terminals** are read as bulk is, and written to by calls: a write request of theirs that
/// does
///   not fit goes to a worker thread, or fails like the call.
/// - What arrives while nobody wants it is parked, and the request is stopped.
///
/// Nothing is believed about when completions come: a request is over when the kernel has said so (F_MORE
/// gone), and it is made again if it is still wanted.
class UringBackend final : public Backend {
 public:
  /// Throws OsError where the kernel refuses or lacks something, std::bad_alloc.
  explicit UringBackend(const UringOptions& options);
  ~UringBackend() override;

  [[nodiscard]] std::string_view name() const noexcept override { return "io_uring"; }
  [[nodiscard]] TimePoint now() const noexcept override { return std::chrono::steady_clock::now(); }

  [[nodiscard]] ChannelId attach(OwnedFileDescriptor descriptor) override;
  [[nodiscard]] ChannelId attach_file(OwnedFileDescriptor descriptor) override;
  [[nodiscard]] FileDescriptor descriptor(ChannelId channel) const noexcept override;
  [[nodiscard]] bool owns(FileDescriptor descriptor) const noexcept override;
  void close(ChannelId channel) noexcept override;
  [[nodiscard]] OwnedFileDescriptor detach(ChannelId channel) noexcept override;

  void start(ReceiveOperation& operation, ChannelId channel) noexcept override;
  void start(SendOperation& operation, ChannelId channel) noexcept override;
  void start(FileSendOperation& operation, ChannelId channel) noexcept override;
  void start(AcceptOperation& operation, ChannelId channel) noexcept override;
  void start(ConnectOperation& operation, ChannelId channel) noexcept override;
  void start(DatagramReceiveOperation& operation, ChannelId channel) noexcept override;
  void start(DatagramSendOperation& operation, ChannelId channel) noexcept override;
  void start(PollOperation& operation, FileDescriptor descriptor, Readiness readiness) override;
  void cancel(Operation& operation, ChannelId channel) noexcept override;
  void cancel(PollOperation& operation, FileDescriptor descriptor) noexcept override;
  using Backend::hold;  // that of datagrams
  void hold(ReceiveOperation& operation) noexcept override;
  void resume(ReceiveOperation& operation, ChannelId channel) noexcept override;
  void resume(DatagramReceiveOperation& operation, ChannelId channel) noexcept override;
  void drain(ReceiveOperation& operation, ChannelId channel) noexcept override;
  void watch_hangup(ReceiveOperation& operation, ChannelId channel) noexcept override;
  using Backend::try_send;  // that of datagrams
  [[nodiscard]] std::ptrdiff_t try_send(ChannelId channel, std::span<iovec> pieces) noexcept override;
  [[nodiscard]] std::ptrdiff_t send(SendOperation& operation, ChannelId channel,
                                    std::span<iovec> pieces) noexcept override;
  [[nodiscard]] std::ptrdiff_t send(SendOperation& operation, ChannelId channel,
                                    BytesView piece) noexcept override;
  [[nodiscard]] std::ptrdiff_t conclude(SendOperation& operation, ChannelId channel) noexcept override;
  void submit() noexcept override;

  void wait(std::optional<Duration> timeout, Duration spin) noexcept override;
  void dispatch() override;
  void settle() override;
  void wake() noexcept override;

 private:
  /// A piece of this size shows that there is much to come, and then large reads are made; so many small ones
  /// in a row end that.
  static constexpr std::size_t kBulkBytes = 12 * 1024;
  static constexpr std::size_t kSmallReadBytes = 4 * 1024;
  static constexpr unsigned kSmallReads = 4;
  /// For receives in bulk, and lent to every one of them in turn. See EpollBackend.
  static constexpr std::size_t kLentBytes = 512 * 1024;
  static constexpr std::size_t kGatherPieces = 64;

  /// A completion, and the piece of received memory that it means.
  struct Arrival {
    Completion completion;
    ReceivedPiece piece;

    [[nodiscard]] RequestTag tag() const noexcept { return RequestTag(completion.tag); }
  };

  [[nodiscard]] static FileDescriptor descriptor_of(ChannelId channel) noexcept {
    return FileDescriptor{static_cast<int>(channel.index)};
  }
  /// Whether the slot still belongs to the channel: any callback may close it, and the number may have a new
  /// owner at once. The slot itself stays where it is.
  [[nodiscard]] static bool still_is(ChannelId channel, const UringSlot& slot) noexcept {
    return slot.generation == channel.generation;
  }
  [[nodiscard]] static bool receives(const UringSlot& slot) noexcept {
    return slot.input_kind == UringSlot::Input::receive && !held(*slot.input);
  }
  [[nodiscard]] static bool receives_datagrams(const UringSlot& slot) noexcept {
    return slot.input_kind == UringSlot::Input::datagrams && !held(*slot.input);
  }
  [[nodiscard]] static bool waits_for_room(const UringSlot& slot) noexcept {
    return slot.output_kind == UringSlot::Output::room || slot.output_kind == UringSlot::Output::file_room ||
           slot.output_kind == UringSlot::Output::datagram_room;
  }

  // Requests: uring_requests.cpp.
  void make_room_for_entry() noexcept;
  [[nodiscard]] io_uring_sqe& entry_with_room() noexcept;
  [[nodiscard]] io_uring_sqe& next_entry() noexcept;
  void take_overflow() noexcept;
  void enter(int (Ring::*way)() noexcept) noexcept;
  void arm_input(ChannelId channel, UringSlot& slot) noexcept;
  void arm_output(ChannelId channel, UringSlot& slot) noexcept;
  void request_input(ChannelId channel, UringSlot& slot, Request request) noexcept;
  void request_output(ChannelId channel, UringSlot& slot, Request request) noexcept;
  void request_wake() noexcept;
  void tag_entry(io_uring_sqe& entry, RequestTag tag) noexcept;
  void stop(RequestTag tag) noexcept;
  void stop_input(ChannelId channel, UringSlot& slot) noexcept;
  void stop_output(ChannelId channel, UringSlot& slot) noexcept;
  void stop_at_once(ChannelId channel, UringSlot& slot) noexcept;
  void end_all_requests() noexcept;

  // Operations: uring_backend.cpp and uring_output.cpp.
  [[nodiscard]] static std::ptrdiff_t write_or_send(FileDescriptor descriptor, const UringSlot& slot,
                                                    std::span<iovec> pieces) noexcept;
  void start_input(Operation& operation, UringSlot::Input kind, ChannelId channel) noexcept;
  [[nodiscard]] UringSlot* start_output(Operation& operation, UringSlot::Output kind,
                                        ChannelId channel) noexcept;
  void wait_for_room(ChannelId channel, UringSlot& slot) noexcept;
  void continue_input(ChannelId channel) noexcept;
  void look_at_soon(ChannelId channel, UringSlot& slot) noexcept;
  void look_behind_watch(ChannelId channel, UringSlot& slot) noexcept;
  [[nodiscard]] ChannelId open_slot(FileDescriptor descriptor, bool owned);
  void close_slot(ChannelId channel, UringSlot& slot) noexcept;
  void poll_again_soon(ChannelId channel) noexcept;
  void poll_again(ChannelId channel) noexcept;
  void poll_again() noexcept;
  void give_up_output(Operation& operation, ChannelId channel, UringSlot& slot) noexcept;
  [[nodiscard]] bool found_by_spinning(std::optional<Duration>& timeout, Duration spin) noexcept;
  void check_pollable(FileDescriptor descriptor);

  // Another thread: uring_move.cpp.
  /// Whether a request was cancelled because the thread of its ring has ended: nobody asked for it.
  [[nodiscard]] static bool ended_with_its_thread(const Arrival& arrival) noexcept {
    return arrival.completion.result == -ECANCELED && arrival.tag().request() != Request::send;
  }
  void move_to_this_thread() noexcept;
  void wait_for_a_ring(std::optional<Duration> timeout) const noexcept;
  [[nodiscard]] std::set<std::uint64_t> tags_that_end() const;
  void tell_what_the_old_ring_did_not_send(std::set<std::uint64_t>& ending);
  void request_again(const std::set<std::uint64_t>& ending) noexcept;

  // Completions: uring_dispatch.cpp, and what arrives: uring_receive.cpp.
  [[nodiscard]] Arrival take_from_ring() noexcept;
  void fetch_backlog() noexcept;
  [[nodiscard]] std::optional<Arrival> take_send_of(ChannelId channel) noexcept;
  void dispatch(const Arrival& arrival);
  void dispatch_input(ChannelId channel, UringSlot& slot, const Arrival& arrival);
  void dispatch_stale(const Arrival& arrival) noexcept;
  void look_at(ChannelId channel, UringSlot& slot);
  void look_at_what_is_due();
  void received(ChannelId channel, UringSlot& slot, const Arrival& arrival);
  [[nodiscard]] BytesView deliver(ChannelId channel, UringSlot& slot, BytesView bytes);
  void receive_when_ready(ChannelId channel, UringSlot& slot);
  void receive_datagrams(ChannelId channel, UringSlot& slot);
  [[nodiscard]] Received receive_by_call(ChannelId channel, ReceiveOperation& operation);
  void receiving_ended(ChannelId channel, UringSlot& slot, int result);
  void park(ChannelId channel, UringSlot& slot, BytesView bytes) noexcept;
  void park_end(ChannelId channel, UringSlot& slot, int result) noexcept;
  void end_input_soon(ChannelId channel, UringSlot& slot, int result);
  [[nodiscard]] int why_not_sent(ChannelId channel, const UringSlot& slot, int result) const noexcept;
  [[nodiscard]] int parked_error(ChannelId channel, const UringSlot& slot) const noexcept;
  void deliver_parked(ChannelId channel, UringSlot& slot);
  void accepted(ChannelId channel, UringSlot& slot, int result);
  void accept_parked(ChannelId channel, UringSlot& slot);
  void input_is_ready(ChannelId channel, UringSlot& slot, int events);
  void output_is_ready(ChannelId channel, UringSlot& slot, int events);
  [[nodiscard]] bool send_gathered(ChannelId channel, UringSlot& slot);
  [[nodiscard]] bool send_file(ChannelId channel, UringSlot& slot);
  [[nodiscard]] bool send_datagrams(ChannelId channel, UringSlot& slot);
  void end_input(UringSlot& slot, int result);
  void end_input_after_send(ChannelId channel, UringSlot& slot, int result);
  void end_output(UringSlot& slot, int result);

  OwnedFileDescriptor wake_;
  OwnedFileDescriptor watchable_;  // for `check_pollable`; made when it is needed
  UringOptions options_;
  std::unique_ptr<Ring> ring_;
  /// False where the ring belongs to another thread and there was none to be had for this one. Requests are
  /// not made then, but those that slots know of are made when there is one: see uring_move.cpp. The old ring
  /// is not entered any more, whatever thread it is.
  bool has_ring_ = true;
  /// Where requests are written then.
  std::unique_ptr<io_uring_sqe> nobodys_entry_ = std::make_unique<io_uring_sqe>();
  std::unique_ptr<BufferRing> buffers_;
  UringSlotTable slots_;
  MessageArena messages_;
  std::unique_ptr<std::byte[]> lent_;

  /// What is being delivered, until a send has taken it over.
  ReceivedPiece delivering_;
  /// What is being delivered and can't be kept: a receive by call overwrites it next, parked bytes go. While
  /// there is such a thing, nothing is received by request (see `arm_input`).
  BytesView fleeting_;
  LentSends lent_sends_;
  /// Taken out of the ring, but not dispatched.
  std::deque<Arrival> backlog_;
  /// To be looked at in the next dispatch without a completion; each once. There is room for all.
  std::vector<ChannelId> due_;
  unsigned char dispatch_number_ = 0;  // its last bits: see UringSlot::delivered_in
  /// Watched by polls that have told; asked again when the loop waits, for until then it may not be so any
  /// more.
  std::vector<ChannelId> told_;
  std::unordered_map<std::uint32_t, ParkedInput> parked_;
  /// Kept pieces that `conclude` has taken from their sends; given back when nobody looks any more.
  std::vector<ReceivedPiece> concluded_;
  std::size_t open_slots_ = 0;
  const pid_t made_by_ = ::getpid();
  /// Requests whose last completion has not come.
  std::size_t requests_ = 0;
  /// Operations that were cancelled and have to wait for the kernel.
  std::size_t cancelled_ = 0;
};

}  // namespace tidegate::kernel
