// The demo's part about subprocesses and pipes: messages and bulk through a child and back.
#pragma once

#include <tidegate/task.hpp>

#include "demo/progress.hpp"
#include "demo/report.hpp"

#include <memory>

namespace tidegate::cli::demo {

/// Its name in the report.
inline constexpr const char* kChildTransport = "child pipes";

/// Plays it on the running loop: every byte that goes into `cat` comes out of it, in its place; its input
/// pauses the writer; its end is told once, after everything else.
[[nodiscard]] Task<> talk_to_child(std::shared_ptr<TransportReport> report,
                                   std::shared_ptr<ProgressLine> progress);

}  // namespace tidegate::cli::demo
