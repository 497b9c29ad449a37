// Where a separator ends in a run of bytes: see separators.hpp.
#include "streams/separators.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace tidegate::detail {

namespace {

/// Where `separator` begins in `bytes`, at `from` or behind; none where it does not. In linear time, whatever
/// a peer sends.
std::optional<std::size_t> find(BytesView bytes, std::size_t from, BytesView separator) noexcept {
  const BytesView searched = bytes.drop(from);
  if (searched.size() < separator.size()) return std::nullopt;
  const void* place = separator.size() == 1
                          ? std::memchr(searched.data(), std::to_integer<int>(separator[0]), searched.size())
                          : ::memmem(searched.data(), searched.size(), separator.data(), separator.size());
  if (place == nullptr) return std::nullopt;
  return static_cast<std::size_t>(static_cast<const std::byte*>(place) - bytes.data());
}

}  // namespace

std::optional<SeparatorMatch> find_separator(BytesView bytes, std::size_t from,
                                             std::span<const BytesView> separators) noexcept {
  std::optional<SeparatorMatch> best;
  for (const BytesView separator : separators) {
    // What ends behind the best so far is of no interest.
    const std::optional<std::size_t> begin = find(best ? bytes.first(best->end) : bytes, from, separator);
    if (!begin) continue;
    const SeparatorMatch match{*begin, *begin + separator.size()};
    if (!best || match.end < best->end || match.begin > best->begin) best = match;
  }
  return best;
}

void check_separators(std::span<const BytesView> separators) {
  if (separators.empty()) throw std::invalid_argument("Separator should contain at least one element");
  if (std::ranges::any_of(separators, &BytesView::empty)) {
    throw std::invalid_argument("Separator should be at least one-byte string");
  }
}

std::size_t longest_separator(std::span<const BytesView> separators) noexcept {
  std::size_t longest = 0;
  for (const BytesView separator : separators) longest = std::max(longest, separator.size());
  return longest;
}

std::size_t bytes_without_separator(std::size_t size_bytes, std::span<const BytesView> separators) noexcept {
  const std::size_t longest = longest_separator(separators);
  return size_bytes + 1 > longest ? size_bytes + 1 - longest : 0;
}

}  // namespace tidegate::detail
