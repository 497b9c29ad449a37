// How often things happened, so that a test can tell that the scripts get everywhere.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace tidegate::differential {

class Tally {
 public:
  void count(const std::string& what) { ++counts_[what]; }
  void add(const Tally& other) {
    for (const auto& [what, count] : other.counts_) counts_[what] += count;
  }
  [[nodiscard]] std::uint64_t of(const std::string& what) const {
    const auto found = counts_.find(what);
    return found == counts_.end() ? 0 : found->second;
  }
  /// A line for each, in the order of the alphabet.
  [[nodiscard]] std::string to_text() const {
    std::string text;
    for (const auto& [what, count] : counts_) {
      std::string number = std::to_string(count);
      text += std::string(number.size() < 9 ? 9 - number.size() : 0, ' ') + number + "  " + what + "\n";
    }
    return text;
  }

 private:
  std::map<std::string, std::uint64_t> counts_;
};

}  // namespace tidegate::differential
