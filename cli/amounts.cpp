// See amounts.hpp.
#include "amounts.hpp"

#include "arguments.hpp"

#include <charconv>
#include <chrono>
#include <optional>
#include <system_error>

#include <fmt/format.h>

namespace tidegate::cli {

namespace {

/// The number that `text` begins with; what follows it is left in `text`. None where there is no number.
template <typename Number>
std::optional<Number> take_number(std::string_view& text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

/// How many bytes one of the unit is; 0 for what is no unit.
std::size_t bytes_of_unit(std::string_view unit) noexcept {
  if (unit.empty()) return 1;
  if (unit == "K" || unit == "k") return std::size_t{1} << 10;
  if (unit == "M" || unit == "m") return std::size_t{1} << 20;
  return 0;
}

}  // namespace

std::size_t parse_count(const char* option, std::string_view text, std::size_t most) {
  std::string_view rest = text;
  const auto count = take_number<std::size_t>(rest);
  if (count && rest.empty() && *count >= 1 && *count <= most) return *count;
  throw UsageError(fmt::format("{} \"{}\", expected a number from 1 to {}", option, text, most));
}

std::size_t parse_size(const char* option, std::string_view text) {
  std::string_view rest = text;
  const auto count = take_number<std::size_t>(rest);
  const std::size_t unit = bytes_of_unit(rest);
  if (count && unit > 0 && *count >= 1 && *count <= kLargestSizeBytes / unit) return *count * unit;
  throw UsageError(fmt::format("{} \"{}\", expected bytes from 1 to {}M, such as 64, 16K (KiB) or 1M (MiB)",
                               option, text, kLargestSizeBytes >> 20));
}

Duration parse_seconds(const char* option, std::string_view text, double shortest, double longest) {
  std::string_view rest = text;
  const auto seconds = take_number<double>(rest);
  if (seconds && rest.empty() && *seconds >= shortest && *seconds <= longest) {
    return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(*seconds));
  }
  throw UsageError(fmt::format("{} \"{}\", expected seconds from {} to {}, such as 10 or 0.5", option, text,
                               shortest, longest));
}

}  // namespace tidegate::cli
