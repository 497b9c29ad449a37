// See number_text.hpp.
#include "number_text.hpp"

#include <cmath>
#include <cstddef>

#include <fmt/format.h>

namespace tidegate::cli {

std::string grouped(std::uint64_t number) {
  std::string text = fmt::format("{}", number);
  for (std::size_t place = text.size(); place > 3;) {
    place -= 3;
    text.insert(place, 1, ',');
  }
  return text;
}

std::string rounded(double number) { return grouped(static_cast<std::uint64_t>(std::llround(number))); }

}  // namespace tidegate::cli
