// What the epoll backend knows of each descriptor number: who watches it, for what. Pure bookkeeping, no
// system calls.
#pragma once

#include <tidegate/descriptor.hpp>

#include "kernel/channel.hpp"
#include "kernel/operation.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace tidegate::kernel {

/// One descriptor number. At most one operation per direction.
struct Slot {
  enum class Input : unsigned char { none, receive, hangup, accept, poll };
  enum class Output : unsigned char { none, send, connect, poll };

  /// Differs for every use of the number; 0: not in use.
  std::uint32_t generation = 0;
  /// The events that epoll was told to report; meaningful while `registered`.
  std::uint32_t interest = 0;
  Operation* input = nullptr;
  Operation* output = nullptr;
  Input input_kind = Input::none;
  Output output_kind = Output::none;
  bool registered = false;
  /// The descriptor is ours to close (a channel), not a user's (a poll).
  bool owned = false;
};

/// Slots by descriptor number. References stay valid for ever, so that a callback may open what it likes.
class SlotTable {
 public:
  /// The slot of a number; made where there was none yet.
  [[nodiscard]] Slot& at(FileDescriptor descriptor) {
    const auto index = static_cast<std::size_t>(descriptor.number);
    while (pages_.size() <= index / kPageSlots) pages_.push_back(std::make_unique<Page>());
    return (*pages_[index / kPageSlots])[index % kPageSlots];
  }

  /// The slot of a number; null where the number was never used.
  [[nodiscard]] Slot* find(FileDescriptor descriptor) const noexcept {
    const auto index = static_cast<std::size_t>(descriptor.number);
    if (!descriptor.valid() || pages_.size() <= index / kPageSlots) return nullptr;
    return &(*pages_[index / kPageSlots])[index % kPageSlots];
  }

  /// The slot that a channel names; null where that use of the number is over.
  [[nodiscard]] Slot* find(ChannelId channel) const noexcept {
    Slot* slot = find(FileDescriptor{static_cast<int>(channel.index)});
    return slot != nullptr && channel.valid() && slot->generation == channel.generation ? slot : nullptr;
  }

  /// Begins a new use of a number.
  [[nodiscard]] ChannelId open(FileDescriptor descriptor, bool owned) {
    Slot& slot = at(descriptor);
    slot = Slot{};
    if (++generation_ == 0) ++generation_;
    slot.generation = generation_;
    slot.owned = owned;
    return {static_cast<std::uint32_t>(descriptor.number), slot.generation};
  }

 private:
  static constexpr std::size_t kPageSlots = 128;
  using Page = std::array<Slot, kPageSlots>;

  std::vector<std::unique_ptr<Page>> pages_;
  std::uint32_t generation_ = 0;
};

}  // namespace tidegate::kernel
