// Where a stream transport is in its life, and what it may still do. Pure: it knows no descriptors, buffers
// or protocols, and calls nobody.
#pragma once

#include <cstdint>

namespace tidegate::transport {

/// Which way the bytes of a connection may go: a pipe has one direction only.
enum class Direction : std::uint8_t { both, read, write };

/// The life of one connection:
///
///     made -> open -> closing -> lost -> ended
///
/// `closing` may be skipped (abort, errors) and so may `open` (a connection that is dropped before its
/// protocol heard of it). Transitions only go forward; each reports whether it was this call that took it, so
/// that what follows from it happens once.
class StreamState {
 public:
  /// Writes that are ignored before a warning is due (contract W3).
  static constexpr std::uint8_t kQuietIgnoredWrites = 4;

  StreamState() noexcept = default;
  explicit StreamState(Direction direction) noexcept
      : writes_plainly_(direction != Direction::read),
        reads_(direction != Direction::write),
        writes_(direction != Direction::read) {}

  // --- the life ----------------------------------------------------------------------------------

  /// The protocol is being told of the connection. False where it is over already.
  [[nodiscard]] bool open() noexcept {
    if (phase_ == Phase::lost || phase_ == Phase::ended) return false;
    opened_ = true;
    return true;
  }

  /// close(), an end of file that closes, or a broken write side: nothing is read for the user any more.
  /// False if it was so before.
  [[nodiscard]] bool begin_closing() noexcept {
    if (phase_ != Phase::alive) return false;
    phase_ = Phase::closing;
    writes_plainly_ = false;
    return true;
  }

  /// `connection_lost` is to be scheduled. True once: this is what makes it come once (L2).
  [[nodiscard]] bool lose() noexcept {
    if (phase_ == Phase::lost || phase_ == Phase::ended) return false;
    phase_ = Phase::lost;
    writes_plainly_ = false;
    return true;
  }

  /// `connection_lost` has returned (or was not owed): nothing happens any more.
  void end() noexcept {
    phase_ = Phase::ended;
    writes_plainly_ = false;
  }

  /// True once `open` was called: the protocol is owed a `connection_lost` (L2).
  [[nodiscard]] bool opened() const noexcept { return opened_; }
  [[nodiscard]] bool is_closing() const noexcept { return phase_ != Phase::alive; }
  [[nodiscard]] bool is_lost() const noexcept { return phase_ == Phase::lost || phase_ == Phase::ended; }
  [[nodiscard]] bool is_ended() const noexcept { return phase_ == Phase::ended; }

  // --- reading -----------------------------------------------------------------------------------

  /// Both do nothing when closing, and report whether anything changed (R2).
  [[nodiscard]] bool pause_reading() noexcept {
    if (is_closing() || paused_) return false;
    paused_ = true;
    return true;
  }
  [[nodiscard]] bool resume_reading() noexcept {
    if (is_closing() || !paused_) return false;
    paused_ = false;
    return true;
  }
  [[nodiscard]] bool reading_paused() const noexcept { return paused_; }
  [[nodiscard]] bool is_reading() const noexcept { return !is_closing() && !paused_ && reads_; }
  /// Whether there is a reading side at all.
  [[nodiscard]] bool reads() const noexcept { return reads_; }
  [[nodiscard]] bool is_pipe() const noexcept { return !reads_ || !writes_; }

  /// The other end has finished sending. True once (R3).
  [[nodiscard]] bool receive_eof() noexcept {
    if (eof_received_) return false;
    eof_received_ = true;
    return true;
  }
  [[nodiscard]] bool eof_received() const noexcept { return eof_received_; }

  /// Whether receiving is to be started now.
  [[nodiscard]] bool wants_data() const noexcept { return opened_ && is_reading() && !eof_received_; }

  // --- writing -----------------------------------------------------------------------------------

  /// write_eof(). False where it was called before or the transport is closing (W5).
  [[nodiscard]] bool request_eof() noexcept {
    if (is_closing() || eof_requested_) return false;
    eof_requested_ = true;
    writes_plainly_ = false;
    return true;
  }
  [[nodiscard]] bool eof_requested() const noexcept { return eof_requested_; }
  /// Whether there is a writing side at all.
  [[nodiscard]] bool writes() const noexcept { return writes_; }
  /// Whether what is written goes nowhere: a socket that is closing still takes it, a pipe does not (W3).
  [[nodiscard]] bool ignores_writes() const noexcept { return is_lost() || (is_closing() && !reads_); }

  /// False where an empty buffer has consequences (an end of file, a file, the end), or there is no writing
  /// at all.
  [[nodiscard]] bool writes_plainly() const noexcept { return writes_plainly_; }

  /// A file is being sent: the program may not write (N1). REQUIRES: not closing, no end of file requested.
  void begin_file() noexcept {
    sends_file_ = true;
    writes_plainly_ = false;
  }
  void end_file() noexcept {
    sends_file_ = false;
    writes_plainly_ = phase_ == Phase::alive;
  }
  [[nodiscard]] bool sends_file() const noexcept { return sends_file_; }

  /// The buffer is empty: true once, where the end of file has been asked for and is to be sent now.
  [[nodiscard]] bool take_owed_eof() noexcept {
    if (!eof_requested_ || eof_sent_ || is_lost()) return false;
    eof_sent_ = true;
    return true;
  }

  /// A write after the connection was lost; true where it is worth a warning (W3).
  [[nodiscard]] bool ignore_write() noexcept {
    if (ignored_writes_ < kQuietIgnoredWrites) {
      ++ignored_writes_;
      return false;
    }
    return true;
  }

 private:
  enum class Phase : std::uint8_t { alive, closing, lost, ended };

  Phase phase_ = Phase::alive;
  std::uint8_t ignored_writes_ = 0;
  bool writes_plainly_ = true;  // what follows from the others, for every write to ask with one look
  bool opened_ : 1 = false;
  bool paused_ : 1 = false;
  bool eof_received_ : 1 = false;
  bool eof_requested_ : 1 = false;
  bool eof_sent_ : 1 = false;
  bool reads_ : 1 = true;
  bool writes_ : 1 = true;
  bool sends_file_ : 1 = false;
};

}  // namespace tidegate::transport
