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

bool is_io_uring(BackendKind asked_for) {
  return asked_for == BackendKind::io_uring ||
         (asked_for == BackendKind::automatic && wish_of_environment() == "io_uring");
}

}  // namespace

std::vector<BackendKind> backends_to_show(BackendKind option) {
  if (option != BackendKind::automatic || !wish_of_environment().empty()) return {option};
  return {BackendKind::epoll, BackendKind::io_uring};
}

std::string refusal(BackendKind asked_for, std::string_view backend_name) {
  if (!is_io_uring(asked_for) || backend_name == "io_uring") return {};
  return "io_uring was asked for, and the kernel refuses it";
}

std::string backend_text(BackendKind asked_for, std::string_view backend_name) {
  const std::string refused = refusal(asked_for, backend_name);
  return refused.empty() ? std::string(backend_name) : fmt::format("{} ({})", backend_name, refused);
}

}  // namespace tidegate::cli
