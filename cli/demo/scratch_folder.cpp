// See scratch_folder.hpp.
#include "demo/scratch_folder.hpp"

#include <tidegate/error.hpp>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <system_error>

namespace tidegate::cli::demo {

namespace {

constexpr std::size_t kLongestParent = 64;

std::string short_parent() {
  std::error_code problem;
  const std::string usual = std::filesystem::temp_directory_path(problem).string();
  return problem || usual.empty() || usual.size() > kLongestParent ? "/tmp" : usual;
}

}  // namespace

ScratchFolder::ScratchFolder() : path_(short_parent() + "/tidegate-demo-XXXXXX") {
  if (::mkdtemp(path_.data()) == nullptr) {
    throw OsError(std::error_code(errno, std::system_category()), "make the folder " + path_);
  }
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;  // a folder left behind does no harm, and a destructor can't tell
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace tidegate::cli::demo
