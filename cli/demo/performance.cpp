// See performance.hpp.
#include "demo/performance.hpp"

#include <tidegate/error.hpp>
#include <tidegate/log.hpp>
#include <tidegate/loop.hpp>
#include <tidegate/timeout.hpp>

#include "demo/exchange_datagrams.hpp"
#include "demo/refuse_impostors.hpp"
#include "demo/route.hpp"
#include "demo/scenarios.hpp"
#include "demo/stage.hpp"
#include "demo/talk_to_child.hpp"

#include <array>
#include <exception>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace tidegate::cli::demo {

namespace {

struct Scenario {
  const char* name;
  Task<> (*play)(std::shared_ptr<Stage>);
};

constexpr std::array<Scenario, 4> kScenarios{{{"messages", exchange_messages},
                                              {"bulk", send_bulk},
                                              {"half-close", half_close},
                                              {"abort", cut_connections}}};

/// Collects what the library has to complain about, for as long as this lives.
class Complaints {
 public:
  explicit Complaints(Loop& loop) : loop_(loop) {
    loop_.set_exception_handler([this](Loop&, const ExceptionContext& context) {
      texts_.push_back(context.exception ? context.message + ": " + describe(context.exception)
                                         : context.message);
    });
    set_log_handler([this](LogLevel level, std::string_view message) {
      if (level >= LogLevel::warning) texts_.emplace_back(message);
    });
  }
  Complaints(const Complaints&) = delete;
  Complaints& operator=(const Complaints&) = delete;
  ~Complaints() {
    loop_.set_exception_handler({});
    set_log_handler({});
  }

  [[nodiscard]] std::vector<std::string> take() { return std::exchange(texts_, {}); }

 private:
  Loop& loop_;
  std::vector<std::string> texts_;
};

Task<> play(Scenario scenario, std::shared_ptr<Stage> stage) {
  std::string problem;
  std::exception_ptr cancelled;
  try {
    co_await scenario.play(stage);
  } catch (const std::exception& error) {
    problem = error.what();
  } catch (const CancelledError&) {
    cancelled = std::current_exception();
  }
  if (!problem.empty()) stage->fail(problem);
  if (cancelled) stage->abandon();
  co_await stage->finish();
  if (cancelled) std::rethrow_exception(cancelled);
}

Task<> play_impostors(std::shared_ptr<TransportReport> report) {
  auto refusing = refuse_impostors(report);
  try {
    co_await wait_for(std::move(refusing), kPatience);
  } catch (const std::exception& error) {
    report->note(fmt::format("impostors: {}", error.what()));
  }
}

Task<> play_over(Route& route, std::shared_ptr<TransportReport> report,
                 std::shared_ptr<ProgressLine> progress) {
  report->transport = route.name();
  report->missing_because = route.missing_because();
  if (!report->missing_because.empty()) co_return;
  for (const Scenario& scenario : kScenarios) {
    if (scenario.play == half_close && route.is_secured()) continue;  // TLS ends as a whole
    co_await play(scenario, std::make_shared<Stage>(route, scenario.name, report, progress));
    // What is broken here will hardly do better in the next one, and waiting for that takes long.
    if (!report->contract_kept()) co_return;
  }
  if (route.is_secured()) co_await play_impostors(report);
}

/// The same for datagrams, which are sent over no route.
Task<> play_datagrams(std::shared_ptr<TransportReport> report, std::shared_ptr<ProgressLine> progress) {
  try {
    co_await exchange_datagrams(report, progress);
  } catch (const std::exception& error) {
    report->note(error.what());
  }
}

}  // namespace

Task<BackendReport> perform(std::shared_ptr<ProgressLine> progress) {
  Loop& loop = get_running_loop();
  Complaints complaints(loop);
  BackendReport report;
  report.backend = loop.backend_name();
  const TimePoint begin = loop.time();
  for (const auto& route : every_route()) {
    // Shared: protocols that outlast a failed scenario may still write into it.
    const auto transport_report = std::make_shared<TransportReport>();
    co_await play_over(*route, transport_report, progress);
    for (std::string& text : complaints.take()) transport_report->note("log: " + std::move(text));
    report.transports.push_back(*transport_report);
  }
  const auto datagrams = std::make_shared<TransportReport>();
  co_await play_datagrams(datagrams, progress);
  for (std::string& text : complaints.take()) datagrams->note("log: " + std::move(text));
  report.transports.push_back(*datagrams);
  const auto child_report = std::make_shared<TransportReport>();
  co_await talk_to_child(child_report, progress);
  for (std::string& text : complaints.take()) child_report->note("log: " + std::move(text));
  report.transports.push_back(*child_report);
  report.time = loop.time() - begin;
  progress->clear();
  co_return report;
}

}  // namespace tidegate::cli::demo
