// Reads /proc: see open_descriptors.hpp.
#include "support/open_descriptors.hpp"

#include <filesystem>
#include <system_error>

namespace tidegate::testing {

std::map<int, std::string> open_descriptors() {
  std::map<int, std::string> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;  // the one that this iteration itself uses
    const std::filesystem::path target = std::filesystem::read_symlink(entry.path(), gone);
    if (gone || target.string().ends_with("/fd")) continue;
    found.emplace(std::stoi(entry.path().filename().string()), target.string());
  }
  return found;
}

std::string difference(const std::map<int, std::string>& before, const std::map<int, std::string>& now) {
  std::string lines;
  for (const auto& [number, target] : now) {
    const auto known = before.find(number);
    if (known == before.end() || known->second != target)
      lines += std::to_string(number) + " is now " + target + "\n";
  }
  for (const auto& [number, target] : before) {
    if (!now.contains(number)) lines += std::to_string(number) + " was closed: " + target + "\n";
  }
  return lines;
}

}  // namespace tidegate::testing
