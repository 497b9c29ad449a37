// See pattern.hpp.
#include "pattern.hpp"

#include "shared/pattern.h"

#include <cstring>
#include <stdexcept>
#include <string>

namespace load {

Pattern::Pattern(std::size_t longest_bytes) : bytes_(longest_bytes + PATTERN_PERIOD_BYTES) {
  fill_with_pattern(bytes_.data(), bytes_.size());
}

std::span<const unsigned char> Pattern::at(std::uint64_t position, std::size_t size) const noexcept {
  return std::span(bytes_).subspan(static_cast<std::size_t>(position % PATTERN_PERIOD_BYTES), size);
}

void Pattern::check(std::uint64_t position, std::span<const unsigned char> bytes) const {
  if (std::memcmp(at(position, bytes.size()).data(), bytes.data(), bytes.size()) == 0) return;
  throw std::runtime_error("wrong bytes somewhere after byte " + std::to_string(position) +
                           " of a connection");
}

}  // namespace load
