// `tidegate echo`: serves echo at any number of places until it is asked to stop.
#pragma once

#include <tidegate/endpoint.hpp>
#include <tidegate/loop.hpp>

#include "output.hpp"
#include "security.hpp"

#include <vector>

namespace tidegate::cli {

/// Where `tidegate echo` listens.
struct EchoPlace {
  Url url;
  Security security;
};

/// What `tidegate echo` was asked for.
struct EchoOptions {
  std::vector<EchoPlace> places;
  BackendKind backend = BackendKind::automatic;
  /// LoopOptions::spin.
  Duration spin{};
  /// No lines about connections.
  bool quiet = false;
};

/// Prints "listening on URL" for each listening socket, then serves until SIGINT or SIGTERM; then stops
/// accepting, sends what is buffered, and returns once every connection has ended. A second signal, or a peer
/// that takes too long, cuts what is left. Throws std::runtime_error that names the place
/// where it can't listen.
ExitCode run_echo(const EchoOptions& options);

}  // namespace tidegate::cli
