// Which descriptors this process has open, so that a test can tell that it left none behind.
#pragma once

#include <map>
#include <string>

namespace tidegate::testing {

/// Every open descriptor with what it refers to ("socket:[123]", a path ...).
[[nodiscard]] std::map<int, std::string> open_descriptors();

/// The descriptors that are in `now` and not in `before`, or differ, one per line; empty for none.
[[nodiscard]] std::string difference(const std::map<int, std::string>& before,
                                     const std::map<int, std::string>& now);

}  // namespace tidegate::testing
