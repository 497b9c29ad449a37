// The seam on epoll: every operation is tried, waits for readiness where it would block, and is tried again.
#pragma once

#include "kernel/backend.hpp"
#include "kernel/epoll/epoll_set.hpp"
#include "kernel/epoll/slot_table.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>

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
  [[nodiscard]] FileDescriptor descriptor(ChannelId channel) const noexcept override;
  [[nodiscard]] bool owns(FileDescriptor descriptor) const noexcept override;
  void close(ChannelId channel) noexcept override;
  [[nodiscard]] OwnedFileDescriptor detach(ChannelId channel) noexcept override;

  void start(ReceiveOperation& operation, ChannelId channel) noexcept override;
  void start(SendOperation& operation, ChannelId channel) noexcept override;
  void start(AcceptOperation& operation, ChannelId channel) noexcept override;
  void start(ConnectOperation& operation, ChannelId channel) noexcept override;
  void start(PollOperation& operation, FileDescriptor descriptor, Readiness readiness) override;
  void cancel(Operation& operation, ChannelId channel) noexcept override;
  void cancel(PollOperation& operation, FileDescriptor descriptor) noexcept override;
  void hold(ReceiveOperation& operation) noexcept override;
  void resume(ReceiveOperation& operation, ChannelId channel) noexcept override;
  void drain(ReceiveOperation& operation, ChannelId channel) noexcept override;
  void watch_hangup(ReceiveOperation& operation, ChannelId channel) noexcept override;
  [[nodiscard]] std::ptrdiff_t try_send(ChannelId channel, std::span<iovec> pieces) noexcept override;
  [[nodiscard]] std::ptrdiff_t try_send(ChannelId channel, BytesView piece) noexcept override;

  void wait(std::optional<Duration> timeout, Duration spin) noexcept override;
  void dispatch() override;
  void wake() noexcept override { epoll_.wake(); }

 private:
  /// Lent to every receive of the loop in turn, so that an idle connection holds no buffer. One read of it is
  /// what a connection may have per dispatch (contract E5). A larger one costs less per byte than a smaller
  /// one that is read into again (bench/: one way in, 8 connections, CPU per byte: 512 KiB once 0.7 x, 256
  /// KiB once 0.9 x, 256 KiB twice 1.05 x, 64 KiB eight times 1.2 x of 64 KiB once).
  static constexpr std::size_t kLentBytes = 512 * 1024;
  /// The bounds where the memory is the receiver's own, and small.
  static constexpr std::size_t kReceiveBudgetBytes = 512 * 1024;
  static constexpr int kReceiveBudgetCalls = 16;
  static constexpr std::size_t kGatherPieces = 64;
  /// Reported whether asked for or not.
  static constexpr std::uint32_t kBroken = EPOLLHUP | EPOLLERR;

  [[nodiscard]] static FileDescriptor descriptor_of(ChannelId channel) noexcept {
    return FileDescriptor{static_cast<int>(channel.index)};
  }
  /// Whether bytes are wanted at this moment.
  [[nodiscard]] static bool receives(const Slot& slot) noexcept {
    return slot.input_kind == Slot::Input::receive && !held(*slot.input);
  }

  void start_input(Operation& operation, Slot::Input kind, ChannelId channel) noexcept;
  void start_output(Operation& operation, Slot::Output kind, ChannelId channel) noexcept;
  void watch(FileDescriptor descriptor, Slot& slot);
  void watch_or_end(Operation& operation, FileDescriptor descriptor, Slot& slot) noexcept;
  static void forget(const Operation& operation, Slot& slot) noexcept;
  void settle(FileDescriptor descriptor, Slot& slot, std::uint32_t events) noexcept;

  void dispatch_event(ChannelId channel, Slot& slot, std::uint32_t events);
  void dispatch_input(FileDescriptor descriptor, Slot& slot, std::uint32_t events);
  void dispatch_output(FileDescriptor descriptor, Slot& slot);
  void received_nothing(const epoll_event& event, Slot& slot, std::ptrdiff_t count);
  void receive(FileDescriptor descriptor, Slot& slot, ReceiveOperation& operation);
  static void end_of_receiving(Slot& slot, const ReceiveOperation& operation, std::ptrdiff_t count);
  [[nodiscard]] static std::ptrdiff_t send_pieces(FileDescriptor descriptor,
                                                  std::span<iovec> pieces) noexcept;
  void send(FileDescriptor descriptor, Slot& slot, SendOperation& operation);
  void accept(FileDescriptor descriptor, Slot& slot, AcceptOperation& operation);
  static void end_input(Slot& slot, int result);
  static void end_output(Slot& slot, int result);

  EpollSet epoll_;
  SlotTable slots_;
  std::unique_ptr<std::byte[]> lent_;
};

}  // namespace tidegate::kernel
