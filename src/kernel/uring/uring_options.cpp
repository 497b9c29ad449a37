// Reading the sizes of an io_uring: see uring_options.hpp.
#include "kernel/uring/uring_options.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstdlib>
#include <stdexcept>
#include <string>

#include <fmt/format.h>

namespace tidegate::kernel {

namespace {

struct Setting {
  std::string_view name;
  unsigned UringOptions::*member;
  unsigned least;
  unsigned most;
  bool power_of_two;
};

constexpr std::array kSettings{
    Setting{"submissions", &UringOptions::submissions, 1, 32'768, true},
    Setting{"completions", &UringOptions::completions, 2, 65'536, true},
    Setting{"buffers", &UringOptions::buffers, 1, 32'768, true},
    Setting{"buffer_bytes", &UringOptions::buffer_bytes, 1, 64 * 1024 * 1024, false},
};

[[noreturn]] void refuse(std::string_view part, const std::string& expected) {
  throw std::invalid_argument(fmt::format("TIDEGATE_IO_URING: \"{}\", expected {}", part, expected));
}

unsigned parse_number(std::string_view part, std::string_view text, unsigned least, unsigned most,
                      bool power_of_two) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < least || value > most ||
      (power_of_two && !std::has_single_bit(value))) {
    refuse(part, fmt::format("a {} from {} to {}", power_of_two ? "power of two" : "number", least, most));
  }
  return value;
}

void apply(std::string_view part, UringOptions& options) {
  const std::size_t equals = part.find('=');
  const std::string_view name = part.substr(0, equals);
  const std::string_view value = equals == std::string_view::npos ? "" : part.substr(equals + 1);
  if (name == "incremental") {
    options.incremental = parse_number(part, value, 0, 1, false) != 0;
    return;
  }
  for (const Setting& setting : kSettings) {
    if (setting.name != name) continue;
    options.*setting.member = parse_number(part, value, setting.least, setting.most, setting.power_of_two);
    return;
  }
  refuse(part, "submissions=, completions=, buffers=, buffer_bytes= or incremental=");
}

}  // namespace

UringOptions UringOptions::parse(std::string_view text) {
  UringOptions options;
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    if (const std::string_view part = text.substr(0, comma); !part.empty()) apply(part, options);
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
  }
  // The kernel insists on that.
  options.completions = std::max(options.completions, 2 * options.submissions);
  return options;
}

UringOptions UringOptions::from_environment() {
  const char* text = std::getenv("TIDEGATE_IO_URING");
  return parse(text == nullptr ? "" : text);
}

}  // namespace tidegate::kernel
