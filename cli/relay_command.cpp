// See relay_command.hpp.
#include "relay_command.hpp"

#include <tidegate/loop.hpp>

#include "relay/connection.hpp"
#include "relay/farewell.hpp"
#include "relay/service.hpp"
#include "relay/standard_streams.hpp"
#include "relay/tide_view.hpp"
#include "security.hpp"
#include "stop_signals.hpp"

#include <chrono>
#include <csignal>
#include <optional>

#include <fmt/format.h>

namespace tidegate::cli {

namespace {

using relay::Connection;
using relay::End;
using relay::Outcome;

/// One that does not listen: relays once. The result is what the shell gets.
class OneRelay {
 public:
  OneRelay(Loop& loop, const relay::Options& options)
      : loop_(loop),
        view_(loop, options.stats),
        connection_(loop, options, options.from.as_typed,
                    [this](const std::string& name, const std::string& agreement) {
                      if (is_watched_) view_.print(fmt::format("#1 secured {}: {}", name, agreement));
                    }),
        is_watched_(options.stats) {}

  [[nodiscard]] Task<int> run() {
    const StopSignals signals(loop_, [this] { stop(); });
    const TimePoint begin = loop_.time();
    view_.add(1, connection_.pair());
    const Outcome outcome = co_await connection_.run();
    const double seconds = std::chrono::duration<double>(loop_.time() - begin).count();
    view_.remove(1);
    if (is_watched_) view_.print("#1 ended after " + totals(seconds));
    if (!outcome.overrun.empty()) view_.print_problem(outcome.overrun);
    if (!outcome.problem.empty()) view_.print_problem(outcome.problem);
    co_return status_of(outcome);
  }

 private:
  [[nodiscard]] std::string totals(double seconds) const {
    const relay::Pair& pair = connection_.pair();
    return to_totals_text(pair.figures(End::from), pair.figures(End::to), seconds);
  }

  [[nodiscard]] int status_of(const Outcome& outcome) const {
    if (farewell_) return static_cast<int>(ExitCode::interrupted);
    if (!outcome.problem.empty()) return static_cast<int>(ExitCode::failure);
    return outcome.command_status;
  }

  void stop() {
    if (farewell_) {
      connection_.abort();
    } else {
      connection_.stop();
      farewell_.emplace(loop_, [this] { connection_.abort(); });
    }
  }

  Loop& loop_;
  relay::TideView view_;
  Connection connection_;
  std::optional<relay::Farewell> farewell_;  // once it was asked to stop
  bool is_watched_;
};

Task<int> relay_once(const relay::Options& options) {
  OneRelay once(get_running_loop(), options);
  co_return co_await once.run();
}

void prepare_standard_streams(const relay::Options& options) {
  using Kind = relay::Place::Kind;
  if (options.from.kind == Kind::standard || options.to.kind == Kind::standard)
    relay::check_standard_streams();
  relay::occupy_closed_standard_streams();
  // Who reads our output, or a pipe of ours, may leave: that is an error of a write, and not the end of the
  // process.
  std::signal(SIGPIPE, SIG_IGN);
  // Whoever started us may ignore the ends of children, and we would inherit that: the system would forget
  // how commands have ended.
  std::signal(SIGCHLD, SIG_DFL);
}

void warn_of_trust(const relay::Options& options) {
  if (options.quiet) return;
  for (const relay::Place* place : {&options.from, &options.to}) {
    if (place->security.trusts_anybody()) print_log(trust_warning(place->url));
  }
}

}  // namespace

int run_relay(const relay::Options& options) {
  prepare_standard_streams(options);
  warn_of_trust(options);
  const LoopOptions loop_options{.backend = options.backend};
  if (!options.from.listens) return tidegate::run(relay_once(options), loop_options);
  tidegate::run(relay::serve(options), loop_options);
  return static_cast<int>(ExitCode::success);
}

}  // namespace tidegate::cli
