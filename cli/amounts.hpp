// Amounts that people type: counts, sizes, spans of time. Each error names the option, the word, and what was
// expected.
#pragma once

#include <tidegate/handle.hpp>

#include <cstddef>
#include <string_view>

namespace tidegate::cli {

/// The largest size that can be typed.
inline constexpr std::size_t kLargestSizeBytes = std::size_t{1} << 30;

/// A whole number from 1 to `most`. Throws UsageError.
[[nodiscard]] std::size_t parse_count(const char* option, std::string_view text, std::size_t most);

/// Bytes from 1 to kLargestSizeBytes, or K (1024) or M (1024 K) of them. Throws UsageError.
[[nodiscard]] std::size_t parse_size(const char* option, std::string_view text);

/// Seconds, fractions allowed. Throws UsageError.
[[nodiscard]] Duration parse_seconds(const char* option, std::string_view text, double shortest,
                                     double longest);

}  // namespace tidegate::cli
