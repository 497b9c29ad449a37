// What a StreamReader reads from: takes in what the transport brings, tells the read that waits for it, and
// pauses the transport where nobody does.
#pragma once

#include <tidegate/bytes.hpp>
#include <tidegate/detail/read_operation.hpp>
#include <tidegate/protocol.hpp>
#include <tidegate/transport.hpp>

#include "streams/read_buffer.hpp"

#include <cstddef>
#include <cstdint>
#include <exception>
#include <string>

namespace tidegate::detail {

/// The incoming half of a stream, or of a pipe from a child.
class StreamInput {
 public:
  /// Throws std::invalid_argument for a limit of 0.
  explicit StreamInput(std::size_t limit);
  StreamInput(const StreamInput&) = delete;
  StreamInput& operator=(const StreamInput&) = delete;

  // --- what the transport does -------------------------------------------------------------------

  /// From here on this is who is paused and resumed. REQUIRES: it reads.
  void attach(TransportRef transport) noexcept;
  /// The connection is over: there is nobody to pause.
  void detach() noexcept { transport_.reset(); }
  /// Where the next bytes go: into the memory of the read that waits, where that is large, else into the
  /// buffer.
  [[nodiscard]] MutableBytesView room();
  /// The first `size_bytes` bytes of the last `room` have been received.
  void filled(std::size_t size_bytes);
  void feed(BytesView data);
  void feed_eof();
  /// The connection has failed: every read does.
  void fail(std::exception_ptr exception);
  /// The connection was cut (contract T3): what has arrived is still given out, and what would end with the
  /// stream fails.
  void feed_cut(std::exception_ptr exception);

  // --- what a read does --------------------------------------------------------------------------

  /// What the last read gave is not looked at any more. Throws what the connection failed with,
  /// InvalidStateError while another read waits, std::invalid_argument for separators that are none.
  void begin(const ReadDemand& demand);
  /// Whether `take` has something to say. Moves what has arrived into the demand's memory, where it has some.
  [[nodiscard]] bool is_met(ReadDemand& demand);
  /// `future` gets a result when the demand is met, or never will be. Lifetime: both until `stop_waiting`.
  void wait(ReadDemand& demand, FutureCore& future);
  void stop_waiting() noexcept { waiting_ = nullptr; }
  /// What was asked for. Throws IncompleteReadError, LimitOverrunError, LineTooLongError, or what the
  /// connection failed with.
  [[nodiscard]] BytesView take(ReadDemand& demand);
  /// A read ends without having been told anything: what is in its memory is next again.
  void put_back(const ReadDemand& demand) noexcept;
  void put_back(BytesView bytes);

  // --- what others ask ---------------------------------------------------------------------------

  [[nodiscard]] bool at_eof() const noexcept { return eof_ && buffer_.empty(); }
  [[nodiscard]] const std::exception_ptr& exception() const noexcept {
    return exception_ != nullptr ? exception_ : cut_;
  }

  /// From here on everything is taken in, without a limit, and nobody can read. Throws InvalidStateError
  /// while a read waits.
  void begin_collecting();
  void end_collecting();
  /// All that there is.
  [[nodiscard]] std::string take_everything();
  /// The same, for TLS to read. Throws InvalidStateError while a read waits.
  [[nodiscard]] std::string take_for_upgrade();

 private:
  // Below this, receiving into the buffer and copying costs less than the calls that small pieces would take.
  static constexpr std::size_t kLeastDirectBytes = std::size_t{16} * 1024;
  // What is asked of the transport at a time: little at first, for most messages are small and many
  // connections may each hold the beginning of one; twice as much each time that was not enough.
  static constexpr std::size_t kLeastBytes = std::size_t{2} * 1024;
  static constexpr std::size_t kMostBytes = std::size_t{256} * 1024;

  /// A read waits and was not told yet.
  [[nodiscard]] bool is_awaited() const noexcept { return waiting_ != nullptr && !future_->done(); }
  [[nodiscard]] std::size_t wanted_bytes() const noexcept;
  void fit_to(std::size_t received_bytes) noexcept;
  void arrived();
  void wake();
  void pause_if_full();
  void resume_if_low();
  void resume();
  [[nodiscard]] bool search(ReadDemand& demand) const noexcept;
  void fill_target(ReadDemand& demand) noexcept;
  [[nodiscard]] bool ends_with_the_stream(const ReadDemand& demand) const noexcept;
  [[nodiscard]] BytesView take_what_is_there(ReadDemand& demand);
  [[nodiscard]] BytesView take_up_to_separator(ReadDemand& demand);
  [[noreturn]] void give_up_on_separator(const ReadDemand& demand);

  ReadBuffer buffer_;
  TransportRef transport_;
  ReadDemand* waiting_ = nullptr;
  FutureCore* future_ = nullptr;  // of waiting_
  std::exception_ptr exception_;
  std::exception_ptr cut_;  // in place of an end of the stream
  std::size_t limit_;
  std::size_t full_;  // twice the limit
  std::uint32_t next_bytes_ = kLeastBytes;
  std::uint32_t room_bytes_ = 0;
  bool room_is_target_ = false;
  bool paused_ = false;
  bool eof_ = false;
  bool collecting_ = false;
};

}  // namespace tidegate::detail
