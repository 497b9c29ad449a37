// One direction between two ends of a TLS connection: records, and what may happen to them on their way.
// Knows no keys.
#pragma once

#include <tidegate/bytes.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>

namespace tidegate::fuzz {

class Wire {
 public:
  /// Whole records, as an end has said them.
  void append(BytesView records);
  /// Takes the next `limit_bytes`, or what there is; 0: all of it.
  [[nodiscard]] std::string deliver(std::size_t limit_bytes);
  [[nodiscard]] bool is_empty() const noexcept { return records_.empty(); }
  /// Whether anything of what follows has happened.
  [[nodiscard]] bool was_tampered_with() const noexcept { return was_tampered_with_; }

  // --- tampering -------------------------------------------------------------------------------------
  // `place`: of a record among those on their way, from the next on, and round again. Nothing happens where
  // there is none.

  /// Changes one byte, if `mask` is not 0.
  void flip(std::size_t place, std::size_t offset_bytes, std::uint8_t mask);
  void drop(std::size_t place);
  void repeat(std::size_t place);
  /// Leaves out the end of it.
  void cut(std::size_t place, std::size_t size_bytes);
  /// Lets the one behind it pass.
  void swap(std::size_t place);
  /// Puts anything in front of it.
  void insert(std::size_t place, BytesView anything);

 private:
  /// None of them is empty; of the first, a part may have been delivered.
  std::deque<std::string> records_;
  bool was_tampered_with_ = false;
};

}  // namespace tidegate::fuzz
