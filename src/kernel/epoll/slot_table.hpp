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
  /// The events that epoll was told to report, which fit in here; meaningful while `registered`.
  std::uint8_t interest = 0;
  Input input_kind = Input::none;
  Output output_kind = Output::none;
  bool registered : 1 = false;
  /// The descriptor is ours to close (a channel), not a user's (a poll).
  bool owned : 1 = false;
  Operation* input = nullptr;  // null exactly where the kind is `none`; the same holds for `output`
  Operation* output = nullptr;

  void set_input(Operation* operation, Input kind) noexcept {
    input = operation;
    input_kind = kind;
  }
  void set_output(Operation* operation, Output kind) noexcept {
    output = operation;
    output_kind = kind;
  }
  void clear_input() noexcept { set_input(nullptr, Input::none); }
  void clear_output() noexcept { set_output(nullptr, Output::none); }
};

// There is one for every descriptor number.
static_assert(sizeof(Slot) <= 24);

/// Slots by descriptor number. References stay valid for ever, so that a callback may open what it likes.
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

  /// A generation that no use of any number ever has, and neither has a number that is not in use.
  static constexpr std::uint32_t kNoGeneration = ~std::uint32_t{0};

 private:
  static constexpr std::size_t kPageSlots = 128;
  using Page = std::array<Slot, kPageSlots>;

  std::vector<std::unique_ptr<Page>> pages_;
  std::uint32_t generation_ = 0;
};

}  // namespace tidegate::kernel
