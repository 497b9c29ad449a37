// Comparing: see outcome.hpp.
#include "differential/outcome.hpp"

#include <algorithm>
#include <cstdint>
#include <string_view>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace tidegate::differential {

namespace {

/// FNV-1a: enough to tell two texts of the same length apart in a report.
std::uint64_t hash_of(std::string_view text) noexcept {
  std::uint64_t hash = 0xCBF29CE484222325U;
  for (const char byte : text) hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001B3U;
  return hash;
}

std::string text_of(const EndOutcome& end) {
  return fmt::format("received {} bytes (hash {:016x}), wrote {}, end of file {}, reason {}{}",
                     end.received.size(), hash_of(end.received), end.written.size(),
                     end.saw_eof ? "seen" : "not seen", end.reason.empty() ? "-" : end.reason,
                     end.thrown.empty() ? "" : fmt::format(", threw [{}]", fmt::join(end.thrown, "; ")));
}

/// What the script says about an end, on any backend.
std::string faults_of(const char* name, const EndScript& script, const EndOutcome& end,
                      const EndOutcome& other) {
  std::string text;
  const auto fault = [&](const std::string& what) { text += fmt::format("{}: {}\n", name, what); };
  const Determined& determined = script.determined;
  for (const std::string& what : end.faults) fault(what);
  if (!std::string_view(other.written).starts_with(end.received)) {
    fault("what was received is not what was written");
  }
  if (determined.all_received && end.received.size() != other.written.size()) {
    fault(fmt::format("received {} bytes of {}", end.received.size(), other.written.size()));
  }
  if (determined.actions && end.written.size() != script.total_bytes) {
    fault(fmt::format("wrote {} bytes, and the script says {}", end.written.size(), script.total_bytes));
  }
  if (script.raw) return text;
  if (determined.eof && end.saw_eof != determined.sees_eof) {
    fault(end.saw_eof ? "was told of an end of file" : "was not told of the end of file");
  }
  const bool may_break = !determined.how_it_ends && end.reason == "broken";
  const bool as_it_should =
      end.reason == determined.reason || (!determined.how_it_ends && end.reason == "none");
  if (!may_break && !as_it_should) {
    fault(fmt::format("connection_lost({}) instead of {}", end.reason, determined.reason));
  }
  return text;
}

std::string differences(const char* name, const EndScript& script, const EndOutcome& one,
                        const EndOutcome& other) {
  std::string text;
  const auto differ = [&](const std::string& what) { text += fmt::format("{}: {}\n", name, what); };
  const Determined& determined = script.determined;
  if (determined.content) {
    const std::size_t common = std::min(one.received.size(), other.received.size());
    if (one.received.compare(0, common, other.received, 0, common) != 0) differ("different bytes");
  }
  if (determined.all_received && one.received.size() != other.received.size()) {
    differ(fmt::format("{} bytes and {} bytes", one.received.size(), other.received.size()));
  }
  if (determined.actions && one.written.size() != other.written.size()) {
    differ(fmt::format("{} bytes and {} bytes written", one.written.size(), other.written.size()));
  }
  if (determined.actions && one.thrown != other.thrown) {
    differ(fmt::format("threw [{}] and [{}]", fmt::join(one.thrown, "; "), fmt::join(other.thrown, "; ")));
  }
  if (script.raw) return text;
  if (determined.how_it_ends && one.reason != other.reason) {
    differ(fmt::format("connection_lost({}) and ({})", one.reason, other.reason));
  }
  if (determined.eof && one.saw_eof != other.saw_eof) differ("only one of them saw the end of file");
  return text;
}

}  // namespace

std::string faults_of(const Script& script, const Outcome& outcome) {
  std::string text = faults_of("here", script.here, outcome.here, outcome.there) +
                     faults_of("there", script.there, outcome.there, outcome.here);
  for (const std::string& fault : outcome.faults) text += fault + "\n";
  return text;
}

std::string differences(const Script& script, const Outcome& one, const Outcome& other) {
  return differences("here", script.here, one.here, other.here) +
         differences("there", script.there, one.there, other.there);
}

std::string to_text(const Outcome& outcome) {
  return fmt::format("on {}:\n  here: {}\n  there: {}\n{}", outcome.backend, text_of(outcome.here),
                     text_of(outcome.there), outcome.trace);
}

}  // namespace tidegate::differential
