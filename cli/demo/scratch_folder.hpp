// A folder of our own for socket files, gone with its owner.
#pragma once

#include <string>

namespace tidegate::cli::demo {

/// An empty folder that nobody else uses, with a short path: the name of a socket has 107 bytes.
class ScratchFolder {
 public:
  /// Throws OsError.
  ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  ~ScratchFolder();

  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  std::string path_;
};

}  // namespace tidegate::cli::demo
