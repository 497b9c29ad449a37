// Where a program may lie: see program_search.hpp.
#include "process/program_search.hpp"

#include <cstdlib>

namespace tidegate::process {

namespace {

constexpr std::string_view kDefaultSearchPath = "/bin:/usr/bin";
constexpr std::string_view kPathVariable = "PATH=";

std::string in_folder(std::string_view folder, std::string_view program) {
  std::string place(folder);
  if (!place.empty() && !place.ends_with('/')) place += '/';
  return place += program;
}

}  // namespace

std::vector<std::string> places_of(std::string_view program, std::string_view search_path) {
  if (program.empty() || program.find('/') != std::string_view::npos) return {std::string(program)};
  std::vector<std::string> places;
  for (;;) {
    const std::size_t colon = search_path.find(':');
    places.push_back(in_folder(search_path.substr(0, colon), program));
    if (colon == std::string_view::npos) return places;
    search_path.remove_prefix(colon + 1);
  }
}

std::string_view search_path_of(const std::vector<std::string>& environment) noexcept {
  for (const std::string_view line : environment) {
    if (line.starts_with(kPathVariable)) return line.substr(kPathVariable.size());
  }
  return kDefaultSearchPath;
}

std::string_view own_search_path() noexcept {
  const char* value = std::getenv("PATH");
  return value == nullptr ? kDefaultSearchPath : std::string_view(value);
}

}  // namespace tidegate::process
