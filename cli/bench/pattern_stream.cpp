// See pattern_stream.hpp.
#include "bench/pattern_stream.hpp"

#include <tidegate/chunk.hpp>
#include <tidegate/transport.hpp>

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace tidegate::cli::bench {

namespace {

// Short pieces are cheaper copied into the buffer, where they lie side by side; from here on handing the
// pattern's own memory over is cheaper.
constexpr std::size_t kHandedOverBytes = 4096;

}  // namespace

// --- writing -----------------------------------------------------------------------------------------------

PatternWriter::PatternWriter(const Pattern& pattern, std::size_t longest_write_bytes) noexcept
    : pattern_(pattern), longest_write_bytes_(std::min(longest_write_bytes, Pattern::kLongestPieceBytes)) {}

void PatternWriter::attach(TransportRef transport) noexcept { transport_ = std::move(transport); }

void PatternWriter::write_until(std::uint64_t position) {
  target_ = std::max(target_, position);
  write_on();
}

void PatternWriter::resume() {
  is_paused_ = false;
  write_on();
}

void PatternWriter::write_on() {
  while (position_ < target_ && !is_paused_ && !transport_->is_closing()) write_piece();
}

void PatternWriter::write_piece() {
  const std::uint64_t size_bytes = std::min<std::uint64_t>(target_ - position_, longest_write_bytes_);
  const BytesView piece = pattern_.piece(position_, static_cast<std::size_t>(size_bytes));
  // Before the write: it may call pause_writing.
  position_ += piece.size();
  if (piece.size() < kHandedOverBytes) {
    transport_->write(piece);
  } else {
    transport_->write(Chunk::immortal(piece));
  }
}

// --- comparing ---------------------------------------------------------------------------------------------

std::optional<std::string> PatternReader::take(BytesView data) {
  const auto wrong = pattern_.first_mismatch(position_, data);
  if (wrong) return describe_mismatch(*wrong, data);
  position_ += data.size();
  return std::nullopt;
}

std::optional<std::string> PatternReader::take_echo(BytesView data, const PatternWriter& writer) {
  const auto under_way = static_cast<std::size_t>(writer.position() - position_);
  auto wrong = take(data.first(under_way));
  if (wrong || data.size() <= under_way) return wrong;
  return fmt::format("more came back than was sent: {} bytes after stream offset {}", data.size() - under_way,
                     position_);
}

std::string PatternReader::describe_mismatch(std::uint64_t wrong, BytesView data) const {
  const auto received = static_cast<unsigned>(data[static_cast<std::size_t>(wrong - position_)]);
  const auto expected = static_cast<unsigned>(pattern_.piece(wrong, 1)[0]);
  return fmt::format("wrong byte at stream offset {}: received 0x{:02x}, expected 0x{:02x}", wrong, received,
                     expected);
}

}  // namespace tidegate::cli::bench
