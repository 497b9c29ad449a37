// Where a program may lie. Pure: looks at no file.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tidegate::process {

/// The paths to be tried for `program`, in order, as Python's subprocess does: itself where it names a
/// folder, else in every folder of `search_path` (folders with colons in between; an empty one is the present
/// one).
[[nodiscard]] std::vector<std::string> places_of(std::string_view program, std::string_view search_path);

/// The value of `PATH` among lines of the form NAME=VALUE; what Python falls back on where there is none.
[[nodiscard]] std::string_view search_path_of(const std::vector<std::string>& environment) noexcept;
/// The same of this process's own environment.
[[nodiscard]] std::string_view own_search_path() noexcept;

}  // namespace tidegate::process
