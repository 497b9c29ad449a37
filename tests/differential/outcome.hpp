// What an end of a connection has seen, and whether two backends have shown it the same.
#pragma once

#include "differential/script.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace tidegate::differential {

struct EndOutcome {
  /// Every byte that it was given.
  std::string received;
  /// Every byte that it gave to be written, whatever became of it.
  std::string written;
  bool saw_eof = false;
  /// How connection_lost's reason is to be called: "none", "broken" (ECONNRESET, EPIPE), "thrown", or its
  /// text.
  std::string reason;
  /// What its calls threw, in order.
  std::vector<std::string> thrown = {};
  /// What is wrong with it, whatever other backends show.
  std::vector<std::string> faults = {};
};

struct Outcome {
  std::string backend;
  EndOutcome here;
  EndOutcome there;
  /// What is wrong with the connection as a whole.
  std::vector<std::string> faults = {};
  /// The last calls on each end, for people.
  std::string trace = {};
};

/// What is wrong with an outcome by itself, one fault a line; empty for nothing.
[[nodiscard]] std::string faults_of(const Script& script, const Outcome& outcome);
/// Where two outcomes differ in what the script determines; empty for nowhere.
[[nodiscard]] std::string differences(const Script& script, const Outcome& one, const Outcome& other);
/// An outcome for people.
[[nodiscard]] std::string to_text(const Outcome& outcome);

}  // namespace tidegate::differential
