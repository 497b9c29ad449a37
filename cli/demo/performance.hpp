// The demo on one backend, from beginning to end: every scenario over every route, and a child.
#pragma once

#include <tidegate/task.hpp>

#include "demo/progress.hpp"
#include "demo/report.hpp"

#include <memory>

namespace tidegate::cli::demo {

/// Plays it on the running loop, whose exception handler and log it watches meanwhile: in a good run neither
/// has anything to tell. Every wait in it is bounded.
[[nodiscard]] Task<BackendReport> perform(std::shared_ptr<ProgressLine> progress);

}  // namespace tidegate::cli::demo
