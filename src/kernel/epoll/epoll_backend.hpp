// The seam on epoll: every operation is tried, waits for readiness where it would block, and is tried again.
#pragma once

#include "kernel/backend.hpp"
#include "kernel/epoll/epoll_set.hpp"
#include "kernel/epoll/epoll_slot.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include <sys/epoll.h>

namespace tidegate::kernel {

/// Level-triggered, with interest that is left in place: adding is done when an operation needs it, removing
/// only when an event comes that nobody wants. So a steady exchange of messages, a short pause and a bulk
/// transfer that blocks again and again cost no epoll_ctl at all. (Edge-triggered would save epoll a second
/// look at each ready descriptor, but a short read does not prove there that a socket is empty: out-of-band
/// data over TCP and passed descriptors over Unix sockets end a read early.)
class EpollBackend final : public Backend {
 public:
  EpollBackend();
  ~EpollBackend() override;

  [[nodiscard]] std::string_view name() const noexcept override { return "epoll"; }
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
  // Now is as good as later: what is sent together costs as many calls here.
  [[nodiscard]] std::ptrdiff_t send(SendOperation&, ChannelId channel,
                                    std::span<iovec> pieces) noexcept override {
    return EpollBackend::try_send(channel, pieces);
  }
  [[nodiscard]] std::ptrdiff_t send(SendOperation& operation, ChannelId channel,
                                    BytesView piece) noexcept override;
  [[nodiscard]] std::ptrdiff_t conclude(SendOperation&, ChannelId) noexcept override {
    return kUnderWay;  // it was started because the kernel was full
  }
  void submit() noexcept override {}

  void wait(std::optional<Duration> timeout, Duration spin) noexcept override;
  void dispatch() override;
  void settle() override { tell_done(); }
  void wake() noexcept override { epoll_.wake(); }

 private:
  /// Lent to every receive of the loop in turn, so that an idle connection holds no buffer. For what is not
  /// received in pieces, one read of it is what a connection may have per dispatch (contract E5).
  static constexpr std::size_t kLentBytes = 512 * 1024;
  static constexpr std::size_t kGatherPieces = 64;
  /// Reported whether asked for or not.
  static constexpr std::uint32_t kBroken = EPOLLHUP | EPOLLERR;

  [[nodiscard]] static FileDescriptor descriptor_of(ChannelId channel) noexcept {
    return FileDescriptor{static_cast<int>(channel.index)};
  }
  /// Whether bytes are wanted at this moment.
  [[nodiscard]] static bool receives(const EpollSlot& slot) noexcept {
    return slot.input_kind == EpollSlot::Input::receive && !held(*slot.input);
  }

  /// Its errors may wait in a queue of their own.
  [[nodiscard]] static bool carries_datagrams(const EpollSlot& slot) noexcept {
    return slot.input_kind == EpollSlot::Input::datagrams || slot.output_kind == EpollSlot::Output::datagrams;
  }
  [[nodiscard]] static std::ptrdiff_t write_or_send(FileDescriptor descriptor, const EpollSlot& slot,
                                                    std::span<iovec> pieces) noexcept;
  void start_input(Operation& operation, EpollSlot::Input kind, ChannelId channel) noexcept;
  void start_output(Operation& operation, EpollSlot::Output kind, ChannelId channel) noexcept;
  void watch(FileDescriptor descriptor, EpollSlot& slot);
  void watch_or_end(Operation& operation, FileDescriptor descriptor, EpollSlot& slot) noexcept;
  [[nodiscard]] bool never_waits(const Operation& operation, FileDescriptor descriptor,
                                 const EpollSlot& slot) noexcept;
  static void forget(const Operation& operation, EpollSlot& slot) noexcept;
  void settle(FileDescriptor descriptor, EpollSlot& slot, std::uint32_t events) noexcept;

  void dispatch_event(ChannelId channel, EpollSlot& slot, std::uint32_t events);
  void dispatch_input(ChannelId channel, EpollSlot& slot, std::uint32_t events);
  void dispatch_output(ChannelId channel, EpollSlot& slot);
  void received_nothing(FileDescriptor descriptor, EpollSlot& slot, std::ptrdiff_t count);
  void receive(FileDescriptor descriptor, EpollSlot& slot);
  void receive_always_ready(ChannelId channel, EpollSlot& slot);
  void dispatch_due();
  [[nodiscard]] bool look_soon(ChannelId channel) noexcept;
  void look_for_kept_datagrams(ChannelId channel) noexcept;
  void receive_datagrams(ChannelId channel, EpollSlot& slot);
  void send_datagrams(ChannelId channel, EpollSlot& slot);
  void send_gathered(FileDescriptor descriptor, EpollSlot& slot, SendOperation& operation);
  void send_file(ChannelId channel, EpollSlot& slot);
  void accept(FileDescriptor descriptor, EpollSlot& slot, AcceptOperation& operation);
  static void end_input(EpollSlot& slot, int result);
  static void end_output(EpollSlot& slot, int result);

  EpollSet epoll_;
  EpollSlotTable slots_;
  std::unique_ptr<std::byte[]> lent_;
  /// Channels for which something can be done of which the kernel will say nothing: datagrams that were kept
  /// for a receiver, or what has no readiness. Each once; and memory for the next such list.
  std::vector<ChannelId> due_;
  std::vector<ChannelId> spare_;
};

}  // namespace tidegate::kernel
