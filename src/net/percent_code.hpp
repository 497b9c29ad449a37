// %XX: how text that contains anything is written where some characters mean something. Knows no URLs.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tidegate::net {

/// `text` with every %XX replaced by what it stands for; none where a % has no two hexadecimal digits behind
/// it.
[[nodiscard]] std::optional<std::string> percent_decoded(std::string_view text);

/// `text` with %XX for all but letters, digits and what is only itself in the query of a URL: "-._~/:@,".
[[nodiscard]] std::string percent_encoded(std::string_view text);

}  // namespace tidegate::net
