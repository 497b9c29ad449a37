// `tidegate relay`: joins two endpoints, once, or for each connection that comes.
#pragma once

#include "output.hpp"
#include "relay/options.hpp"

namespace tidegate::cli {

/// Relays until both ends have ended, or, where FROM listens, until SIGINT or SIGTERM. A second signal, or a
/// peer that takes too long, cuts what is left. The result is what the shell gets: 0, the status of a command
/// that was an end, or an ExitCode. Throws std::runtime_error that names the place where it can't listen.
int run_relay(const relay::Options& options);

}  // namespace tidegate::cli
