// The two ends of a stream whose every byte is known: one writes it, the other compares.
#pragma once

#include <tidegate/bytes.hpp>
#include <tidegate/protocol.hpp>

#include "pattern.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace tidegate::cli::bench {

/// Writes a pattern's stream into a transport, as far as it is told and as fast as the transport lets it.
class PatternWriter {
 public:
  /// No single write is longer than `longest_write_bytes`, nor than the pattern's longest piece.
  explicit PatternWriter(const Pattern& pattern,
                         std::size_t longest_write_bytes = Pattern::kLongestPieceBytes) noexcept;

  /// REQUIRES of everything below: this has been called.
  void attach(TransportRef transport) noexcept;

  /// Goes on until the stream is `position` bytes long; later, where writing is paused.
  void write_until(std::uint64_t position);
  void pause() noexcept { is_paused_ = true; }
  void resume();

  /// How many bytes were written.
  [[nodiscard]] std::uint64_t position() const noexcept { return position_; }
  /// How many are to be written.
  [[nodiscard]] std::uint64_t target() const noexcept { return target_; }
  [[nodiscard]] bool is_paused() const noexcept { return is_paused_; }

 private:
  void write_on();
  void write_piece();

  Pattern pattern_;
  std::size_t longest_write_bytes_;
  TransportRef transport_;
  std::uint64_t position_ = 0;
  std::uint64_t target_ = 0;
  bool is_paused_ = false;
};

/// Compares what arrives with a pattern's stream.
class PatternReader {
 public:
  explicit PatternReader(const Pattern& pattern) noexcept : pattern_(pattern) {}

  /// What is wrong with the next bytes of the stream, for people: the first wrong one, with its place. None
  /// where they are right.
  [[nodiscard]] std::optional<std::string> take(BytesView data);
  /// As above, where the bytes are an echo of what `writer` has written: more than that is wrong, too.
  [[nodiscard]] std::optional<std::string> take_echo(BytesView data, const PatternWriter& writer);

  /// How many bytes were taken.
  [[nodiscard]] std::uint64_t position() const noexcept { return position_; }

 private:
  [[nodiscard]] std::string describe_mismatch(std::uint64_t wrong, BytesView data) const;

  Pattern pattern_;
  std::uint64_t position_ = 0;
};

}  // namespace tidegate::cli::bench
