// Names that come from outside, made fit for a line of text. Knows nothing of what they name.
#pragma once

#include <string>
#include <string_view>

namespace tidegate::net {

/// `text` with control characters written as \xNN, so that a name can neither end a line of a log nor hide
/// its own rest behind a NUL. Everything else, UTF-8 included, stays.
[[nodiscard]] inline std::string printable(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string result;
  result.reserve(text.size());
  for (const char character : text) {
    const auto value = static_cast<unsigned char>(character);
    if (value >= 0x20 && value != 0x7f) {
      result += character;
    } else {
      result += "\\x";
      result += digits[value >> 4U];
      result += digits[value & 0xfU];
    }
  }
  return result;
}

}  // namespace tidegate::net
