// A descriptor that a pipe transport works on: taken over, or borrowed from a program that goes on with it.
#pragma once

#include <tidegate/descriptor.hpp>

#include "kernel/backend.hpp"
#include "loop/loop_core.hpp"
#include "net/nonblocking_loan.hpp"

#include <utility>

namespace tidegate::transport {

/// What has to be done with the descriptor of a pipe when its transport has ended.
struct PipeLoan {
  net::NonblockingLoan nonblocking;
  /// It is somebody else's and stays open.
  bool borrowed = false;

  /// Puts it back as found, then closes it where it is ours.
  void give_back(OwnedFileDescriptor descriptor) noexcept {
    nonblocking.end();
    if (borrowed) static_cast<void>(descriptor.release());
  }
};

/// A channel of a pipe, given back unless somebody takes it.
class OwnedPipe {
 public:
  OwnedPipe(loop::LoopCore& core, kernel::ChannelId channel, PipeLoan loan) noexcept
      : core_(&core), channel_(channel), loan_(std::move(loan)) {}
  OwnedPipe(OwnedPipe&& other) noexcept
      : core_(other.core_),
        channel_(std::exchange(other.channel_, kernel::ChannelId())),
        loan_(std::move(other.loan_)) {}
  OwnedPipe& operator=(OwnedPipe&&) = delete;
  ~OwnedPipe() {
    if (channel_.valid()) loan_.give_back(core_->backend().detach(channel_));
  }

  [[nodiscard]] kernel::ChannelId get() const noexcept { return channel_; }
  /// The taker gives it back.
  [[nodiscard]] PipeLoan release() noexcept {
    channel_ = kernel::ChannelId();
    return std::move(loan_);
  }

 private:
  loop::LoopCore* core_;  // Lifetime: outlives every channel
  kernel::ChannelId channel_;
  PipeLoan loan_;
};

}  // namespace tidegate::transport
