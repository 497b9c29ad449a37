// What the simulated backend knows of each descriptor: who watches it, for what.
#pragma once

#include "base/simulated_descriptors.hpp"
#include "kernel/operation.hpp"
#include "kernel/slot_table.hpp"

#include <cstdint>

namespace tidegate::kernel::sim {

/// One descriptor. At most one operation per direction.
struct SimSlot {
  enum class Input : unsigned char { none, receive, hangup, accept, poll, datagrams };
  /// `under_way`: a send that was begun by `Backend::send`, and is made when the loop comes round.
  enum class Output : unsigned char { none, send, under_way, file, connect, poll, datagrams };

  /// Differs for every use of the number; 0: not in use.
  std::uint32_t generation = 0;
  Input input_kind = Input::none;
  Output output_kind = Output::none;
  /// The descriptor is ours to close (a channel), not a user's (a poll).
  bool owned = false;
  ChannelKind channel_kind = ChannelKind::socket;
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

/// Slots lie by number, and simulated numbers begin far up.
[[nodiscard]] constexpr FileDescriptor place_of(FileDescriptor descriptor) noexcept {
  return FileDescriptor{descriptor.number - base::kFirstSimulatedNumber};
}
[[nodiscard]] constexpr FileDescriptor descriptor_of(ChannelId channel) noexcept {
  return FileDescriptor{static_cast<int>(channel.index) + base::kFirstSimulatedNumber};
}

}  // namespace tidegate::kernel::sim
