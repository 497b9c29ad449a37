// What the epoll backend knows of each descriptor number: who watches it, for what.
#pragma once

#include "kernel/operation.hpp"
#include "kernel/slot_table.hpp"

#include <cstdint>

namespace tidegate::kernel {

/// One descriptor number. At most one operation per direction.
struct EpollSlot {
  /// `read`: as `receive`, of what is no socket.
  enum class Input : unsigned char { none, receive, read, hangup, accept, poll, datagrams };
  enum class Output : unsigned char { none, send, file, connect, poll, datagrams };

  /// Differs for every use of the number; 0: not in use.
  std::uint32_t generation = 0;
  /// The events that epoll was told to report, which fit in here; meaningful while `registered`.
  std::uint8_t interest = 0;
  Input input_kind = Input::none;
  Output output_kind = Output::none;
  bool registered : 1 = false;
  /// The descriptor is ours to close (a channel), not a user's (a poll).
  bool owned : 1 = false;
  ChannelKind channel_kind : 1 = ChannelKind::socket;
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
static_assert(sizeof(EpollSlot) <= 24);

using EpollSlotTable = SlotTable<EpollSlot>;

}  // namespace tidegate::kernel
