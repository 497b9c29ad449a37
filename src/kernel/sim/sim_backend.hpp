// The seam on a simulated kernel: what a kernel may do and seldom does, as often as a test wants it. Knows no
// network, only the calls on its descriptors.
#pragma once

#include "kernel/backend.hpp"
#include "kernel/sim/sim_slot.hpp"
#include "kernel/sim/world.hpp"

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace tidegate::kernel::sim {

/// Every choice that the seam leaves open is drawn anew each time: whether a send is made at once or is under
/// way, in which order what is ready is told, whether it is told in this iteration or a later one, how much
/// of it, whether a wait ends for nothing, whether what was cancelled had been done already.
///
/// Time passes in `wait` alone: an iteration takes a microsecond, and where there is nothing to do, the clock
/// jumps to what happens next.
class SimBackend final : public Backend {
 public:
  /// Lifetime: the world outlives this.
  explicit SimBackend(World& world);
  ~SimBackend() override;

  [[nodiscard]] std::string_view name() const noexcept override { return "simulated"; }
  [[nodiscard]] TimePoint now() const noexcept override { return world_.now(); }

  [[nodiscard]] Socket make_socket(AddressFamily family, net::SocketType type) override;
  [[nodiscard]] std::optional<std::vector<Endpoint>> addresses_of(std::string_view name) const override;
  [[nodiscard]] bool run_apart(Callback& job) override;
  void drop_jobs() noexcept override { jobs_->clear(); }
  [[nodiscard]] bool has_programs() const noexcept override { return false; }

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
  void hold(ReceiveOperation& operation) noexcept override { set_held(operation, true); }
  void resume(ReceiveOperation& operation, ChannelId channel) noexcept override;
  void resume(DatagramReceiveOperation& operation, ChannelId channel) noexcept override;
  void drain(ReceiveOperation& operation, ChannelId channel) noexcept override;
  void watch_hangup(ReceiveOperation& operation, ChannelId channel) noexcept override;
  [[nodiscard]] std::ptrdiff_t try_send(ChannelId channel, std::span<iovec> pieces) noexcept override;
  [[nodiscard]] std::ptrdiff_t try_send(DatagramSendOperation& operation, ChannelId channel,
                                        std::span<const OutgoingDatagram> datagrams) noexcept override;
  [[nodiscard]] std::ptrdiff_t try_send_file(ChannelId channel, const FilePart& part) noexcept override;
  [[nodiscard]] std::ptrdiff_t send(SendOperation& operation, ChannelId channel,
                                    std::span<iovec> pieces) noexcept override;
  [[nodiscard]] std::ptrdiff_t send(SendOperation& operation, ChannelId channel,
                                    BytesView piece) noexcept override;
  [[nodiscard]] std::ptrdiff_t conclude(SendOperation& operation, ChannelId channel) noexcept override;
  void submit() noexcept override;

  void wait(std::optional<Duration> timeout, Duration spin) noexcept override;
  void dispatch() override;
  void settle() override { tell_done(); }
  void wake() noexcept override;

 private:
  /// Bytes that were lent to a receiver: memory of their own each time, so that whoever looks at them too
  /// late is found out.
  using Lent = std::shared_ptr<std::byte[]>;

  /// A send that waits for the loop to come round.
  struct UnderWay {
    SendOperation* operation;
    ChannelId channel;
    std::vector<iovec> pieces;
    /// Keeps what is sent from where it was lent.
    Lent lent;
    /// How it ended, where it has been made already.
    std::optional<std::ptrdiff_t> result;
  };

  /// A direction of a descriptor for which there may be something to do.
  struct Due {
    ChannelId channel;
    bool is_input;
  };

  [[nodiscard]] const NetworkConditions& conditions() const noexcept { return world_.conditions(); }
  [[nodiscard]] bool happens(double chance) noexcept { return world_.chance().happens(chance); }
  /// As World::refusal_of. One that a signal has interrupted is made again.
  [[nodiscard]] int refusal_of(Call call) noexcept;

  void start_input(Operation& operation, SimSlot::Input kind, ChannelId channel) noexcept;
  void start_output(Operation& operation, SimSlot::Output kind, ChannelId channel) noexcept;
  static void forget(const Operation& operation, SimSlot& slot) noexcept;
  [[nodiscard]] std::ptrdiff_t call_send(ChannelId channel, std::span<const iovec> pieces) noexcept;
  [[nodiscard]] std::ptrdiff_t put(ChannelId channel, std::span<const iovec> pieces) noexcept;
  [[nodiscard]] std::ptrdiff_t begin_or_send(SendOperation& operation, ChannelId channel,
                                             std::span<const iovec> pieces) noexcept;
  [[nodiscard]] bool begin(SendOperation& operation, ChannelId channel,
                           std::span<const iovec> pieces) noexcept;
  [[nodiscard]] std::vector<UnderWay>::iterator find_under_way(const Operation& operation) noexcept;
  /// Takes it off the list. Its memory stays until the next dispatch, for its completion may be told first.
  void retire(std::vector<UnderWay>::iterator under_way) noexcept;

  [[nodiscard]] static bool input_is_due(const SimSlot& slot, short events) noexcept;
  [[nodiscard]] static bool output_is_due(const SimSlot& slot, short events) noexcept;
  /// Calls `tell` with each.
  template <typename Tell>
  void for_each_due(const Tell& tell);
  [[nodiscard]] bool has_something_to_do() noexcept;
  [[nodiscard]] bool woken() noexcept { return woken_.exchange(false); }
  void sleep_until_woken() noexcept;

  void dispatch_input(ChannelId channel, SimSlot& slot);
  void dispatch_output(ChannelId channel, SimSlot& slot);
  /// A copy of the first bytes of the scratch memory; null: there is no memory for it.
  [[nodiscard]] Lent lend(std::size_t size_bytes) const noexcept;
  void receive(ChannelId channel, SimSlot& slot);
  void receive_datagrams(ChannelId channel, SimSlot& slot);
  void accept(ChannelId channel, SimSlot& slot);
  void finish_under_way(ChannelId channel, SimSlot& slot);
  void send_gathered(ChannelId channel, SimSlot& slot);
  static void end_input(SimSlot& slot, int result);
  static void end_output(SimSlot& slot, int result);

  static constexpr std::size_t kScratchBytes = std::size_t{512} * 1024;

  World& world_;
  SlotTable<SimSlot> slots_;
  std::vector<UnderWay> under_way_;
  std::vector<UnderWay> retired_;
  /// What is being delivered at this moment; null between deliveries.
  Lent lent_;
  std::size_t lent_bytes_ = 0;
  std::unique_ptr<std::byte[]> scratch_;

  /// Jobs beside the loop, by their number; the world knows the numbers only.
  std::shared_ptr<std::map<std::uint64_t, Callback>> jobs_;
  std::uint64_t last_job_ = 0;

  std::atomic<bool> woken_{false};
  std::mutex sleep_mutex_;
  std::condition_variable wake_up_;
};

}  // namespace tidegate::kernel::sim
