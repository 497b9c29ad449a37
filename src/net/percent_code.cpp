// See percent_code.hpp.
#include "net/percent_code.hpp"

#include <charconv>
#include <cstdint>
#include <system_error>

#include <fmt/format.h>

namespace tidegate::net {

namespace {

constexpr std::size_t kDigits = 2;
constexpr int kHexadecimal = 16;

/// Not isalnum, which asks the locale.
bool is_only_itself(char character) noexcept {
  return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
         (character >= '0' && character <= '9') ||
         std::string_view("-._~/:@,").find(character) != std::string_view::npos;
}

std::optional<char> decoded_byte(std::string_view digits) noexcept {
  std::uint8_t value = 0;
  const auto [end, problem] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, kHexadecimal);
  const bool are_both_digits =
      digits.size() == kDigits && problem == std::errc() && end == digits.data() + digits.size();
  if (!are_both_digits) return std::nullopt;
  return static_cast<char>(value);
}

}  // namespace

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      result += text[at];
      continue;
    }
    const auto byte = decoded_byte(text.substr(at + 1, kDigits));
    if (!byte) return std::nullopt;
    result += *byte;
    at += kDigits;
  }
  return result;
}

std::string percent_encoded(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (const char character : text) {
    if (is_only_itself(character)) {
      result += character;
    } else {
      result += fmt::format("%{:02X}", static_cast<unsigned char>(character));
    }
  }
  return result;
}

}  // namespace tidegate::net
