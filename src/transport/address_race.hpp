// Connecting to the first of several addresses that answers (contract C3, RFC 8305).
#pragma once

#include <tidegate/endpoint.hpp>
#include <tidegate/task.hpp>

#include "loop/loop_core.hpp"
#include "transport/connect_attempt.hpp"

#include <optional>
#include <string>
#include <vector>

namespace tidegate::transport {

/// Where to connect to, and how.
struct RaceTerms {
  /// For the error's text: "example.org:80".
  std::string target;
  /// In the order in which they are tried; never empty.
  std::vector<Endpoint> endpoints;
  /// To be bound before connecting; for each attempt the first of the same family. Empty: the system chooses.
  std::vector<Endpoint> local_endpoints;
  /// How long the latest attempt may take before the next one is started beside it; none: until it has
  /// failed. No attempt is ever given up for being slow.
  std::optional<Duration> stagger;
};

/// A connected socket.
struct Connected {
  OwnedChannel channel;
  Endpoint peer;
};

/// Throws ConnectError that names every address tried. Cancelling it, or its end, closes every descriptor but
/// the winner's.
[[nodiscard]] Task<Connected> connect_to_first(loop::LoopCore& core, RaceTerms terms);

}  // namespace tidegate::transport
