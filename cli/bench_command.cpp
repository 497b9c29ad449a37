// See bench_command.hpp.
#include "bench_command.hpp"

#include <tidegate/error.hpp>
#include <tidegate/task.hpp>

#include "backend_choice.hpp"
#include "bench/descriptor_limit.hpp"
#include "bench/live_view.hpp"
#include "bench/loads.hpp"
#include "bench/report.hpp"
#include "bench/report_text.hpp"
#include "bench/session.hpp"
#include "number_text.hpp"
#include "stop_signals.hpp"

#include <exception>
#include <memory>
#include <optional>
#include <string>

#include <fmt/format.h>

namespace tidegate::cli {

namespace {

using bench::Mode;
using bench::Options;
using bench::Report;
using bench::Session;

constexpr const char* kEndedTooEarly =
    "the run ended before its warm-up did, and nothing was measured; a shorter duration has a shorter one";

Report report_of(Session& session, bool interrupted) {
  Report report;
  report.options = session.options();
  report.backend = session.loop().backend_name();
  report.refusal = refusal(report.options.backend, report.backend);
  report.time = session.measurement().time();
  report.tally = session.measurement().total();
  report.failures = session.failures();
  report.holding = session.holding();
  report.interrupted = interrupted;
  return report;
}

/// Asks the run to end; the second time, or where it has not begun, makes it.
void interrupt(Session& session, const Future<>& loading, bool& interrupted) {
  if (session.has_begun() && !interrupted) {
    session.stop();
  } else {
    loading.cancel();
  }
  interrupted = true;
}

/// None where there is nothing to report, because somebody did not want to wait for it.
Task<std::optional<Report>> measure(const Options& options) {
  Loop& loop = get_running_loop();
  const auto session = std::make_shared<Session>(loop, options);
  const bench::LiveView view(session, is_error_terminal());
  const Future<> loading = loop.create_task(bench::load(session));
  bool interrupted = false;
  const StopSignals signals(
      loop, [&session, &loading, &interrupted] { interrupt(*session, loading, interrupted); });
  std::exception_ptr failure;
  bool was_cut_short = false;
  try {
    co_await loading;
  } catch (const CancelledError&) {
    was_cut_short = true;
  } catch (const std::exception&) {
    failure = std::current_exception();
  }
  // Where all went well none is left.
  session->connections().abort_all();
  co_await session->connections().end_within(bench::kLongestFarewell);
  if (failure) std::rethrow_exception(failure);
  if (was_cut_short) co_return std::nullopt;
  co_return report_of(*session, interrupted);
}

/// What is wrong with the whole of it; empty where nothing is.
std::string verdict(const Report& report) {
  if (report.interrupted) return "interrupted";
  if (report.failures.count() > 0 || report.options.mode == Mode::idle) return "";
  if (report.time == bench::Seconds::zero()) return kEndedTooEarly;
  return report.tally.bytes == 0 ? "nothing moved while it was measured" : "";
}

void print_problems(const Report& report) {
  for (const std::string& text : report.failures.texts()) print_error(text);
  const std::uint64_t unsaid = report.failures.count() - report.failures.texts().size();
  if (unsaid > 0) print_error(fmt::format("and {} more", grouped(unsaid)));
  if (const std::string text = verdict(report); !text.empty()) print_error(text);
}

}  // namespace

ExitCode run_bench(const Options& options) {
  if (options.security.trusts_anybody()) print_log(trust_warning(options.url));
  if (!options.listen) bench::allow_connections(options.connections);
  const auto report = tidegate::run(measure(options), {.backend = options.backend, .spin = options.spin});
  if (!report) {
    print_error("interrupted");
    return ExitCode::interrupted;
  }
  print_result(options.json ? to_json(*report) : to_lines(*report));
  print_problems(*report);
  if (report->interrupted) return ExitCode::interrupted;
  return report->failures.count() == 0 && verdict(*report).empty() ? ExitCode::success : ExitCode::failure;
}

}  // namespace tidegate::cli
