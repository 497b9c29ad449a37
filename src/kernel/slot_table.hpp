// A record for every descriptor number, and which use of the number it belongs to. Pure bookkeeping, no
// system calls.
#pragma once

#include <tidegate/descriptor.hpp>

#include "kernel/channel.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace tidegate::kernel {

/// Slots by descriptor number. References stay valid for ever, so that a callback may open what it likes.
///
/// A `Slot` has at least `std::uint32_t generation`, which differs for every use of the number and is 0 where
/// it is not in use, and `owned`: the descriptor is ours to close (a channel), not a user's (a poll).
template <typename Slot>
class SlotTable {
 public:
  SlotTable() { pages_.push_back(std::make_unique<Page>()); }

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

  /// The slot of a channel that was opened once, whatever has become of it. The channel of number 0 counts as
  /// one. REQUIRES: just that.
  [[nodiscard]] Slot& known(ChannelId channel) const noexcept {
    return (*pages_[channel.index / kPageSlots])[channel.index % kPageSlots];
  }

  /// Begins a new use of a number.
  [[nodiscard]] ChannelId open(FileDescriptor descriptor, bool owned) {
    Slot& slot = at(descriptor);
    slot = Slot{};
    if (++generation_ == kNoGeneration) generation_ = 1;
    slot.generation = generation_;
    slot.owned = owned;
    return {static_cast<std::uint32_t>(descriptor.number), slot.generation};
  }

  /// Calls `visit(channel, slot)` for every number in use.
  template <typename Visit>
  void for_each(const Visit& visit) {
    for (std::size_t index = 0; index < pages_.size() * kPageSlots; ++index) {
      Slot& slot = (*pages_[index / kPageSlots])[index % kPageSlots];
      if (slot.generation != 0) visit(ChannelId{static_cast<std::uint32_t>(index), slot.generation}, slot);
    }
  }

  /// A generation that no use of any number ever has, and neither has a number that is not in use.
  static constexpr std::uint32_t kNoGeneration = ~std::uint32_t{0};

 private:
  static constexpr std::size_t kPageSlots = 128;
  using Page = std::array<Slot, kPageSlots>;

  std::vector<std::unique_ptr<Page>> pages_;
  std::uint32_t generation_ = 0;
};

}  // namespace tidegate::kernel
