// `tidegate bench`: puts a load on a server, measures what comes of it, and compares every byte.
#pragma once

#include "bench/options.hpp"
#include "output.hpp"

namespace tidegate::cli {

/// Prints the report; a live line goes to standard error where that is a terminal. A failure if anything went
/// wrong on a connection, or if nothing at all was measured. Throws std::runtime_error where the load can't
/// begin.
ExitCode run_bench(const bench::Options& options);

}  // namespace tidegate::cli
