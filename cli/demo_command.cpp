// See demo_command.hpp.
#include "demo_command.hpp"

#include <tidegate/error.hpp>
#include <tidegate/task.hpp>

#include "backend_choice.hpp"
#include "demo/performance.hpp"
#include "demo/progress.hpp"
#include "demo/report_text.hpp"
#include "stop_signals.hpp"

#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace tidegate::cli {

namespace {

/// None where somebody interrupted it.
Task<std::optional<demo::BackendReport>> perform_unless_interrupted() {
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

/// Why a loop can't stand on a backend here; empty where it can.
std::string obstacle_to(BackendKind backend) {
  const Loop probe(LoopOptions{.backend = backend});
  return refusal(backend, probe.backend_name());
}

}  // namespace

ExitCode run_demo(const DemoOptions& options) {
  demo::DemoReport report;
  const std::vector<BackendKind> backends = backends_to_show(options.backend);
  for (const BackendKind backend : backends) {
    // Where nobody asked for this one, falling back would only show another one twice.
    if (backends.size() > 1 && !obstacle_to(backend).empty()) {
      report.remarks.emplace_back("not on io_uring: the kernel refuses it");
      continue;
    }
    auto shown = tidegate::run(perform_unless_interrupted(), {.backend = backend});
    if (!shown) {
      print_error("interrupted");
      return ExitCode::interrupted;
    }
    shown->refusal = refusal(backend, shown->backend);
    report.backends.push_back(*std::move(shown));
  }
  print_result(options.json ? to_json(report) : to_table(report));
  return report.contract_kept() ? ExitCode::success : ExitCode::failure;
}

}  // namespace tidegate::cli
