// A channel on its way to a transport.
#pragma once

#include "kernel/backend.hpp"
#include "loop/loop_core.hpp"
#include "net/nonblocking_loan.hpp"

#include <utility>

namespace tidegate::transport {

/// A channel that is closed unless somebody takes it.
class OwnedChannel {
 public:
  OwnedChannel() noexcept = default;
  OwnedChannel(loop::LoopCore& core, kernel::ChannelId channel) noexcept : core_(&core), channel_(channel) {}
  OwnedChannel(OwnedChannel&& other) noexcept
      : core_(other.core_), channel_(std::exchange(other.channel_, kernel::ChannelId())) {}
  OwnedChannel& operator=(OwnedChannel&& other) noexcept {
    if (this != &other) {
      reset();
      core_ = other.core_;
      channel_ = std::exchange(other.channel_, kernel::ChannelId());
    }
    return *this;
  }
  ~OwnedChannel() { reset(); }

  [[nodiscard]] kernel::ChannelId get() const noexcept { return channel_; }
  [[nodiscard]] bool valid() const noexcept { return channel_.valid(); }
  [[nodiscard]] kernel::ChannelId release() noexcept { return std::exchange(channel_, kernel::ChannelId()); }
  void reset() noexcept {
    if (channel_.valid()) core_->backend().close(release());
  }

 private:
  loop::LoopCore* core_ = nullptr;  // Lifetime: outlives every channel
  kernel::ChannelId channel_;
};

/// The same of a pipe, whose description is put back as found before it is closed.
struct OwnedPipe {
  OwnedChannel channel;
  net::NonblockingLoan loan;  // after the channel: it ends first
};

}  // namespace tidegate::transport
