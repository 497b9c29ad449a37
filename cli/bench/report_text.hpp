// A run's report as text: lines for people, a JSON object for programs.
#pragma once

#include <tidegate/handle.hpp>

#include "bench/report.hpp"

#include <string>

namespace tidegate::cli::bench {

/// What was done, then a line for each number.
[[nodiscard]] std::string to_lines(const Report& report);

/// One JSON object; units are in the names of its members. Those of other modes are null.
[[nodiscard]] std::string to_json(const Report& report);

/// A latency in the unit that fits: "42.1 µs", "3.20 ms", "1.05 s".
[[nodiscard]] std::string to_text(Duration latency);

}  // namespace tidegate::cli::bench
