// The demo's report as text: a table for people, a JSON document for programs.
#pragma once

#include "demo/report.hpp"

#include <string>

namespace tidegate::cli::demo {

/// One line for each transport, then what was wrong, then the verdict.
[[nodiscard]] std::string to_table(const DemoReport& report);

/// One JSON object; units are in the names of its members.
[[nodiscard]] std::string to_json(const DemoReport& report);

}  // namespace tidegate::cli::demo
