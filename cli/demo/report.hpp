// What the demo has found out: plain numbers, filled in by the scenarios and printed by others.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace tidegate::cli::demo {

/// Wall-clock time as a number to divide by.
using Seconds = std::chrono::duration<double>;

/// What happened over one kind of transport.
struct TransportReport {
  std::string transport;
  /// Why nothing could happen; empty where it could.
  std::string missing_because;

  /// Received by all protocols, each byte compared.
  std::uint64_t bytes = 0;

  std::uint64_t messages = 0;
  Seconds messages_time{};

  std::uint64_t bulk_bytes = 0;
  Seconds bulk_time{};
  std::size_t pauses = 0;
  std::size_t resumes = 0;
  std::size_t peak_write_buffer_bytes = 0;

  /// What was wrong, for people, in the order in which it was found.
  std::vector<std::string> problems;
  static constexpr std::size_t kMostProblems = 8;

  /// Adds to the problems what is not among them; the first few tell the story.
  void note(std::string problem) {
    const bool is_known = std::find(problems.begin(), problems.end(), problem) != problems.end();
    if (!is_known && problems.size() < kMostProblems) problems.push_back(std::move(problem));
  }

  [[nodiscard]] bool contract_kept() const noexcept { return problems.empty(); }
  [[nodiscard]] double messages_per_second() const noexcept { return per_second(messages, messages_time); }
  [[nodiscard]] double bulk_bytes_per_second() const noexcept { return per_second(bulk_bytes, bulk_time); }

 private:
  static double per_second(std::uint64_t count, Seconds time) noexcept {
    return time.count() > 0 ? static_cast<double>(count) / time.count() : 0;
  }
};

/// What happened on one backend.
struct BackendReport {
  std::string backend;
  /// Why this is not the backend that was asked for; empty where it is.
  std::string refusal;
  Seconds time{};
  std::vector<TransportReport> transports;
  /// What was wrong and belongs to no transport.
  std::vector<std::string> problems;

  [[nodiscard]] bool contract_kept() const noexcept {
    for (const TransportReport& transport : transports) {
      if (!transport.contract_kept()) return false;
    }
    return problems.empty();
  }
};

/// The whole run.
struct DemoReport {
  std::vector<BackendReport> backends;
  /// What was left out, for people.
  std::vector<std::string> remarks;

  [[nodiscard]] bool contract_kept() const noexcept {
    return std::all_of(backends.begin(), backends.end(),
                       [](const BackendReport& backend) { return backend.contract_kept(); });
  }
  [[nodiscard]] Seconds time() const noexcept {
    Seconds total{};
    for (const BackendReport& backend : backends) total += backend.time;
    return total;
  }
};

}  // namespace tidegate::cli::demo
