// How much a peer may keep a connection busy with the connection's own affairs: new keys, tickets,
// renegotiations. Knows no TLS library.
#pragma once

#include <cstddef>

namespace tidegate::tls {

/// Counts, and says when it is too much. What a peer sends of that kind costs it next to nothing, and us the
/// making of keys, or an answer, which is kept until the peer reads it.
class FloodGuard {
 public:
  /// In a row, with no plaintext between: a flood that would take the loop's time. Ordinary peers send a few
  /// tickets after the handshake and then one new key in many gigabytes.
  static constexpr std::size_t kMostInARow = 64;
  /// Answers since something was last written, new keys of our own: a flood that would take memory, where it
  /// is never read. A program that writes is stopped by flow control there, so that one that writes may start
  /// again.
  static constexpr std::size_t kMostAnswers = 4096;
  /// Refused renegotiations of TLS 1.2: no peer needs to be told twice.
  static constexpr std::size_t kMostRefusals = 16;

  void count_message() noexcept { ++in_a_row_; }
  void count_answers(std::size_t count) noexcept {
    answers_ += count;
    refusals_ += count;
  }
  void plaintext_was_read() noexcept { in_a_row_ = 0; }
  void plaintext_was_written() noexcept { answers_ = 0; }

  /// `answers_are_refusals`: the connection is TLS 1.2, where there is nothing else to answer.
  [[nodiscard]] bool is_too_much(bool answers_are_refusals) const noexcept {
    return in_a_row_ > kMostInARow || answers_ > kMostAnswers ||
           (answers_are_refusals && refusals_ > kMostRefusals);
  }
  /// As far as the time of the loop is concerned.
  [[nodiscard]] bool is_too_much_in_a_row() const noexcept { return in_a_row_ > kMostInARow; }

 private:
  std::size_t in_a_row_ = 0;
  std::size_t answers_ = 0;
  std::size_t refusals_ = 0;
};

}  // namespace tidegate::tls
