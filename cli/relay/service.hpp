// A relay that listens: a connection of its own for each that comes, until it is asked to stop.
#pragma once

#include <tidegate/task.hpp>

#include "relay/options.hpp"

namespace tidegate::cli::relay {

/// Prints "listening on URL" for each listening socket, then relays until SIGINT or SIGTERM. Throws
/// std::runtime_error that names the place where it can't listen. Lifetime: `options` outlive the task.
[[nodiscard]] Task<> serve(const Options& options);

}  // namespace tidegate::cli::relay
