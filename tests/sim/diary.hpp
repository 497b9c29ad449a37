// What happens in one play, as it happens: a number for all of it, the last of it for people, and the first
// thing that was wrong. Knows no meaning.
#pragma once

#include <tidegate/handle.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>

namespace tidegate::workload {

class Diary {
 public:
  /// `now` is asked for the time of each entry. `aloud`: every entry is printed at once, too.
  Diary(std::function<TimePoint()> now, bool aloud) : now_(std::move(now)), aloud_(aloud) {}

  /// `who` is a number of an end, 0 for the play as a whole; `what` of static storage.
  void note(unsigned who, const char* what, std::int64_t number = 0);
  /// Something that must not happen. The first is kept, with the entries until then.
  void fault(unsigned who, const std::string& what);

  [[nodiscard]] std::uint64_t hash() const noexcept { return hash_; }
  [[nodiscard]] bool has_fault() const noexcept { return !fault_.empty(); }
  /// The first fault and what led there; empty where there is none.
  [[nodiscard]] const std::string& fault() const noexcept { return fault_; }

 private:
  struct Entry {
    TimePoint when;
    unsigned who;
    const char* what;
    std::int64_t number;
  };
  static constexpr std::size_t kEntriesKept = 150;

  void mix(std::uint64_t word) noexcept;
  [[nodiscard]] static std::string to_text(const Entry& entry);

  std::function<TimePoint()> now_;
  bool aloud_;
  std::uint64_t hash_ = 0xcbf29ce484222325U;
  std::deque<Entry> last_;
  std::string fault_;
};

}  // namespace tidegate::workload
