// What the io_uring backend knows of each descriptor number: who wants something of it, and what the kernel
// was asked.
#pragma once

#include "kernel/operation.hpp"
#include "kernel/slot_table.hpp"
#include "kernel/uring/request_tag.hpp"

#include <cstdint>

namespace tidegate::kernel {

/// One descriptor number. At most one operation per direction, and at most one request to the kernel beside
/// the sends, which do not last: a new one is made when the last completion of the old one has come, so none
/// is ever mistaken for another.
///
/// An operation and the request that serves it come and go independently: what was cancelled may leave its
/// request behind for the next, and a request that has ended for reasons of its own is made again.
struct UringSlot {
  enum class Input : unsigned char { none, receive, hangup, accept, poll, datagrams };
  /// `room`: for sending, when there is any; `file_room` and `datagram_room`: the same. `send`: sent with the
  /// next submission.
  enum class Output : unsigned char { none, room, send, connect, poll, datagram_room, file_room };

  static constexpr unsigned kDispatchNumberBits = 7;

  /// Differs for every use of the number; 0: not in use.
  std::uint32_t generation = 0;

  Input input_kind : 3 = Input::none;
  bool input_stops : 1 = false;  // the request was told to end
  /// Something arrived that nobody wanted at the time; what comes next queues behind it.
  bool has_parked : 1 = false;
  /// Is in the list of what is to be looked at.
  bool is_due : 1 = false;
  /// So much arrives at a time that large reads are worth a call each.
  bool receives_in_bulk : 1 = false;
  /// The descriptor is ours to close (a channel), not a user's (a poll).
  bool owned : 1 = false;
  bool output_stops : 1 = false;

  Output output_kind : 3 = Output::none;
  bool output_cancelled : 1 = false;  // completes as that, whatever the kernel says
  /// Wake-ups in a row that brought little, while receiving in bulk.
  unsigned char small_reads : 3 = 0;
  ChannelKind channel_kind : 1 = ChannelKind::socket;
  Request input_request : 4 = Request::none;
  /// The last bits of the number of the dispatch that delivered last. Where an older one has the same, an end
  /// of file is told an iteration later than it might be.
  unsigned char delivered_in : 3 = 0;
  Request output_request : 4 = Request::none;

  Operation* input = nullptr;  // null exactly where the kind is `none`; the same holds for `output`
  Operation* output = nullptr;

  void set_input(Operation* operation, Input kind) noexcept {
    input = operation;
    input_kind = kind;
  }
  void set_output(Operation* operation, Output kind) noexcept {
    output = operation;
    output_kind = kind;
    output_cancelled = false;
  }
  void clear_input() noexcept { set_input(nullptr, Input::none); }
  void clear_output() noexcept { set_output(nullptr, Output::none); }
};

// There is one for every descriptor number.
static_assert(sizeof(UringSlot) <= 24);

using UringSlotTable = SlotTable<UringSlot>;

}  // namespace tidegate::kernel
