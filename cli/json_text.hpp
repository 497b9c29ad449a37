// Texts and lists as JSON writes them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tidegate::cli {

/// A text in quotes, with what must not stand there escaped. Bytes that are no UTF-8 are left as they are.
[[nodiscard]] std::string json_text(std::string_view text);

/// A list of such texts.
[[nodiscard]] std::string json_list(const std::vector<std::string>& texts);

}  // namespace tidegate::cli
