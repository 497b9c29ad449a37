// Numbers for people, the same in any locale.
#pragma once

#include <cstdint>
#include <string>

namespace tidegate::cli {

/// 1234567 as "1,234,567".
[[nodiscard]] std::string grouped(std::uint64_t number);

/// The nearest whole number, grouped. REQUIRES: not negative.
[[nodiscard]] std::string rounded(double number);

}  // namespace tidegate::cli
