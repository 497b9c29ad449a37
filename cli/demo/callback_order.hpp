// The contract's callback order as a state machine: what may be called next on a protocol, and what may not.
// Makes no calls itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace tidegate::cli::demo {

/// What a transport calls on a protocol.
enum class Callback : std::uint8_t {
  connection_made,
  data_received,
  get_buffer,
  buffer_updated,
  eof_received,
  pause_writing,
  resume_writing,
  connection_lost,
};

/// Its name, as it is written in code.
[[nodiscard]] const char* name_of(Callback callback) noexcept;

/// Follows the callbacks of one connection's end:
///     connection_made -> [data_received | get_buffer -> buffer_updated]* -> [eof_received]? ->
///     connection_lost
/// with pause_writing and resume_writing in turn in between, and none inside another but pause_writing, which
/// a write may call.
class CallbackOrder {
 public:
  /// A callback begins. Returns what is wrong with that; empty where nothing is.
  [[nodiscard]] std::string enter(Callback callback);
  /// The callback that began last has returned.
  void leave() noexcept { --depth_; }

 private:
  enum class State : std::uint8_t { unconnected, open, after_eof, lost };

  [[nodiscard]] const char* objection_to(Callback callback) const noexcept;
  [[nodiscard]] const char* objection_to_reading(Callback callback) const noexcept;
  void advance(Callback callback) noexcept;

  State state_ = State::unconnected;
  bool is_paused_ = false;
  bool has_buffer_ = false;
  Callback running_ = Callback::connection_made;
  std::size_t depth_ = 0;
};

}  // namespace tidegate::cli::demo
