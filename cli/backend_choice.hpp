// Which kernel interfaces a command runs on, and how it says so: also that it is not the one that was asked
// for.
#pragma once

#include <tidegate/loop.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace tidegate::cli {

/// The backends to show somebody who asked for none; the one that was asked for otherwise, by `option` or by
/// TIDEGATE_BACKEND.
[[nodiscard]] std::vector<BackendKind> backends_to_show(BackendKind option);

/// Why a loop that was made for `asked_for` stands on `backend_name`; empty where that is what was asked for.
[[nodiscard]] std::string refusal(BackendKind asked_for, std::string_view backend_name);

/// The backend in use, for people: "epoll", and the refusal in brackets where there was one.
[[nodiscard]] std::string backend_text(BackendKind asked_for, std::string_view backend_name);

}  // namespace tidegate::cli
