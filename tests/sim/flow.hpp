// The bytes of one direction of one connection: those that were written, compared with those that arrive.
// Knows no transports.
#pragma once

#include <tidegate/bytes.hpp>

#include "differential/random.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <string>

namespace tidegate::workload {

using differential::Random;

class Flow {
 public:
  /// How many of the first bytes tell whose flow it is.
  static constexpr std::size_t kNameBytes = 4;

  /// Begins with the name of its writer, so that the other end finds out where it comes from.
  explicit Flow(unsigned writer) {
    for (unsigned shift = 0; shift < 8 * kNameBytes; shift += 8) name_ += static_cast<char>(writer >> shift);
  }
  [[nodiscard]] static unsigned writer_of(std::string_view name) noexcept {
    unsigned writer = 0;
    for (std::size_t at = 0; at < kNameBytes; ++at)
      writer |= static_cast<unsigned>(static_cast<unsigned char>(name[at])) << (8 * at);
    return writer;
  }

  /// The next bytes to be written: `size_bytes`, and the name before the first ones.
  [[nodiscard]] std::string next(Random& random, std::size_t size_bytes) {
    std::string bytes = has_name() ? std::string() : name_.substr(written_.size());
    while (size_bytes > 0) {
      const std::uint64_t word = random.next();
      const std::size_t count = size_bytes < sizeof word ? size_bytes : sizeof word;
      char some[sizeof word];
      std::memcpy(some, &word, sizeof word);
      bytes.append(some, count);
      size_bytes -= count;
    }
    written_ += bytes;
    return bytes;
  }
  /// Whether all of the name is written.
  [[nodiscard]] bool has_name() const noexcept { return written_.size() >= kNameBytes; }
  /// These are written. REQUIRES: has_name().
  void add(BytesView bytes) { written_ += bytes.text(); }

  /// The last `size_bytes` were not written after all. False where some of them have arrived.
  [[nodiscard]] bool take_back(std::size_t size_bytes) {
    written_.resize(written_.size() - size_bytes);
    certain_bytes_ = std::min(certain_bytes_, written_.size());
    return received_bytes_ <= written_.size();
  }

  /// What is written from now on may be ignored, and may not.
  void ends_here_or_later() noexcept {
    if (!certain_) certain_bytes_ = written_.size();
    certain_ = true;
  }
  /// The same of the last `size_bytes`.
  void may_be_cut_by(std::size_t size_bytes) noexcept {
    ends_here_or_later();
    certain_bytes_ = std::min(certain_bytes_, written_.size() - size_bytes);
  }

  /// Whether these are the bytes that come next.
  [[nodiscard]] bool arrived(BytesView bytes) {
    const bool right = std::string_view(written_).substr(std::min(received_bytes_, written_.size()),
                                                         bytes.size()) == bytes.text();
    received_bytes_ += bytes.size();
    return right;
  }
  /// Somebody has dropped what comes next, up to these bytes, of which there are enough to be found: gives
  /// what that was; all that is left where they are not to be found.
  [[nodiscard]] std::string_view skipped_to(std::string_view bytes) {
    const std::size_t from = received_bytes_;
    received_bytes_ = std::min(written_.find(bytes, from), written_.size());
    return std::string_view(written_).substr(from, received_bytes_ - from);
  }
  /// Whether all that had to arrive has.
  [[nodiscard]] bool is_complete() const noexcept {
    return received_bytes_ >= (certain_ ? certain_bytes_ : written_.size());
  }

  [[nodiscard]] std::size_t left_bytes() const noexcept { return written_.size() - received_bytes_; }
  [[nodiscard]] std::size_t written_bytes() const noexcept { return written_.size(); }
  [[nodiscard]] std::size_t received_bytes() const noexcept { return received_bytes_; }

 private:
  std::string name_;
  std::string written_;
  std::size_t received_bytes_ = 0;
  std::size_t certain_bytes_ = 0;
  bool certain_ = false;
};

}  // namespace tidegate::workload
