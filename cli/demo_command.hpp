// `tidegate demo`: real servers and clients over every transport and backend, every byte and every callback
// checked.
#pragma once

#include <tidegate/loop.hpp>

#include "output.hpp"

namespace tidegate::cli {

/// What `tidegate demo` was asked for.
struct DemoOptions {
  BackendKind backend = BackendKind::automatic;
  /// One JSON document instead of the table.
  bool json = false;
};

/// Prints the table or the document; progress goes to standard error where that is a terminal. A failure if
/// anything was not as it should be.
ExitCode run_demo(const DemoOptions& options);

}  // namespace tidegate::cli
