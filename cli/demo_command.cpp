// See demo_command.hpp.
#include "demo_command.hpp"

#include <tidegate/error.hpp>
#include <tidegate/task.hpp>

#include "demo/performance.hpp"
#include "demo/progress.hpp"
#include "demo/report_text.hpp"
#include "stop_signals.hpp"

#include <memory>
#include <optional>

namespace tidegate::cli {

namespace {

/// None where somebody interrupted it.
Task<std::optional<demo::DemoReport>> perform_unless_interrupted() {
  Loop& loop = get_running_loop();
  const auto progress = std::make_shared<demo::ProgressLine>(is_error_terminal());
  auto performance = loop.create_task(demo::perform(progress));
  const StopSignals signals(loop, [&performance] { performance.cancel(); });
  try {
    co_return co_await performance;
  } catch (const CancelledError&) {
    progress->clear();
  }
  co_return std::nullopt;
}

}  // namespace

ExitCode run_demo(const DemoOptions& options) {
  const auto report = tidegate::run(perform_unless_interrupted(), {.backend = options.backend});
  if (!report) {
    print_error("interrupted");
    return ExitCode::interrupted;
  }
  print_result(options.json ? to_json(*report) : to_table(*report));
  return report->contract_kept() ? ExitCode::success : ExitCode::failure;
}

}  // namespace tidegate::cli
