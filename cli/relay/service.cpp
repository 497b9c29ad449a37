// See service.hpp.
#include "relay/service.hpp"

#include <tidegate/error.hpp>
#include <tidegate/future.hpp>
#include <tidegate/loop.hpp>

#include "backend_choice.hpp"
#include "output.hpp"
#include "relay/connection.hpp"
#include "relay/farewell.hpp"
#include "relay/gate.hpp"
#include "relay/tide_view.hpp"
#include "stop_signals.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace tidegate::cli::relay {

namespace {

class Service {
 public:
  Service(Loop& loop, const Options& options)
      : loop_(loop),
        options_(options),
        view_(loop, options.stats),
        gate_(
            loop, options.max_connections, [this](Socket accepted) { begin(std::move(accepted)); },
            [this](const std::string& trouble) { view_.print_problem(trouble); }),
        stop_asked_(loop.create_future<void>()),
        all_ended_(loop.create_future<void>()) {}

  [[nodiscard]] Task<> run() {
    const StopSignals signals(loop_, [this] { stop(); });
    co_await gate_.open(options_.from.url);
    announce();
    co_await stop_asked_;
    co_await end();
  }

 private:
  /// Only when every place is listened at: who reads the first line can rely on all of them.
  void announce() {
    const std::string_view backend = loop_.backend_name();
    if (!options_.quiet || !refusal(options_.backend, backend).empty()) {
      view_.print(fmt::format("tidegate {} relay, backend {}", TIDEGATE_VERSION,
                              backend_text(options_.backend, backend)));
    }
    std::string places;
    for (const std::string& place : gate_.places()) places += fmt::format("listening on {}\n", place);
    print_result(places);
  }

  /// A line about one connection.
  void log(const std::string& line) {
    if (!options_.quiet) view_.print(line);
  }

  void begin(Socket accepted) {
    const std::uint64_t number = ++connections_made_;
    const std::string peer = peer_text(accepted);
    auto on_secured = [this, number](const std::string& name, const std::string& agreement) {
      log(fmt::format("#{} secured {}: {}", number, name, agreement));
    };
    auto connection = std::make_shared<Connection>(loop_, options_, peer, std::move(on_secured));
    connections_.emplace(number, connection);
    log(fmt::format("#{} opened  {} to {}", number, peer, options_.to.as_typed));
    view_.add(number, connection->pair());
    loop_.create_task(relay(number, std::move(connection), std::move(accepted), peer));
  }

  Task<> relay(std::uint64_t number, std::shared_ptr<Connection> connection, Socket accepted,
               std::string peer) {
    const TimePoint begin = loop_.time();
    const Outcome outcome = co_await connection->run(std::move(accepted));
    const double seconds = std::chrono::duration<double>(loop_.time() - begin).count();
    const Pair& pair = connection->pair();
    const std::string totals = to_totals_text(pair.figures(End::from), pair.figures(End::to), seconds);
    view_.remove(number);
    log(fmt::format("#{} closed  {} after {}{}", number, peer, totals, remarks(outcome)));
    // Not what the operator has asked not to hear of: bytes are missing.
    if (!outcome.overrun.empty()) view_.print_problem(fmt::format("#{} {}", number, outcome.overrun));
    connections_.erase(number);
    gate_.connection_ended();
    if (is_ending_ && connections_.empty() && !all_ended_.done()) all_ended_.set_result();
  }

  static std::string remarks(const Outcome& outcome) {
    std::string text;
    if (!outcome.problem.empty()) text += ": " + outcome.problem;
    if (outcome.command_status != 0) text += fmt::format(": exit status {}", outcome.command_status);
    return text;
  }

  /// Who has reset the connection already has no name any more.
  static std::string peer_text(const Socket& accepted) {
    try {
      return accepted.view().remote_endpoint().to_string();
    } catch (const OsError&) {
      return Endpoint().to_string();
    }
  }

  void stop() {
    if (stop_asked_.done()) {
      abort();
    } else {
      stop_asked_.set_result();
    }
  }

  Task<> end() {
    is_ending_ = true;
    gate_.close();
    for (const auto& [number, connection] : connections_) connection->stop();
    const Farewell farewell(loop_, [this] { abort(); });
    if (!connections_.empty()) co_await all_ended_;
  }

  void abort() {
    for (const auto& [number, connection] : connections_) connection->abort();
  }

  Loop& loop_;
  const Options& options_;
  TideView view_;
  Gate gate_;
  Future<> stop_asked_;
  Future<> all_ended_;
  std::map<std::uint64_t, std::shared_ptr<Connection>> connections_;
  std::uint64_t connections_made_ = 0;
  bool is_ending_ = false;
};

}  // namespace

Task<> serve(const Options& options) {
  Service service(get_running_loop(), options);
  co_await service.run();
}

}  // namespace tidegate::cli::relay
