// Where a separator ends in a run of bytes. Knows nothing of streams.
#pragma once

#include <tidegate/bytes.hpp>

#include <cstddef>
#include <optional>
#include <span>

namespace tidegate::detail {

/// A separator's place: from `begin` up to `end`.
struct SeparatorMatch {
  std::size_t begin;
  std::size_t end;
  friend bool operator==(const SeparatorMatch&, const SeparatorMatch&) = default;
};

/// The separator that ends first among those that begin at `from` or behind; the shortest where several end
/// there.
[[nodiscard]] std::optional<SeparatorMatch> find_separator(BytesView bytes, std::size_t from,
                                                           std::span<const BytesView> separators) noexcept;

/// Throws std::invalid_argument where there are none, or one is empty.
void check_separators(std::span<const BytesView> separators);

/// The size of the longest one; 0 where there are none.
[[nodiscard]] std::size_t longest_separator(std::span<const BytesView> separators) noexcept;

/// How many bytes at the beginning can be no part of a separator that is not there in full, given that
/// `size_bytes` bytes hold none.
[[nodiscard]] std::size_t bytes_without_separator(std::size_t size_bytes,
                                                  std::span<const BytesView> separators) noexcept;

}  // namespace tidegate::detail
