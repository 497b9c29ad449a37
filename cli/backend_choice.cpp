// See backend_choice.hpp.
#include "backend_choice.hpp"

#include <cstdlib>

#include <fmt/format.h>

namespace tidegate::cli {

namespace {

/// What the environment says; the library knows whether there is such a backend.
std::string_view wish_of_environment() {
  const char* wish = std::getenv("TIDEGATE_BACKEND");
  return wish == nullptr || std::string_view(wish) == "auto" ? "" : wish;
}

/// Empty for nothing in particular.
std::string_view name_of(BackendKind asked_for) {
  switch (asked_for) {
    case BackendKind::epoll:
      return "epoll";
    case BackendKind::io_uring:
      return "io_uring";
    case BackendKind::automatic:
    case BackendKind::simulated:  // for tests of programs, and none of the command's
      break;
  }
  return wish_of_environment();
}

}  // namespace

std::vector<BackendKind> backends_to_show(BackendKind option) {
  if (option != BackendKind::automatic || !wish_of_environment().empty()) return {option};
  return {BackendKind::epoll, BackendKind::io_uring};
}

std::string refusal(BackendKind asked_for, std::string_view backend_name) {
  const std::string_view name = name_of(asked_for);
  if (name.empty() || name == backend_name) return {};
  return fmt::format("{} was asked for, and the kernel refuses it", name);
}

std::string backend_text(BackendKind asked_for, std::string_view backend_name) {
  const std::string refused = refusal(asked_for, backend_name);
  return refused.empty() ? std::string(backend_name) : fmt::format("{} ({})", backend_name, refused);
}

}  // namespace tidegate::cli
