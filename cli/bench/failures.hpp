// What went wrong during a run: all of it counted, the first of it in words.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace tidegate::cli::bench {

class Failures {
 public:
  /// How many are kept in words: the first few tell the story.
  static constexpr std::size_t kMostTexts = 8;

  void note(std::string text) {
    ++count_;
    if (texts_.size() < kMostTexts) texts_.push_back(std::move(text));
  }

  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  [[nodiscard]] const std::vector<std::string>& texts() const noexcept { return texts_; }

 private:
  std::uint64_t count_ = 0;
  std::vector<std::string> texts_;
};

}  // namespace tidegate::cli::bench
