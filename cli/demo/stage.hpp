// Where a scenario is played: makes its connections, watches both ends of each, and bounds every wait.
#pragma once

#include <tidegate/future.hpp>
#include <tidegate/handle.hpp>
#include <tidegate/loop.hpp>
#include <tidegate/protocol.hpp>
#include <tidegate/task.hpp>

#include "demo/checked_protocol.hpp"
#include "demo/progress.hpp"
#include "demo/report.hpp"
#include "demo/route.hpp"
#include "pattern.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tidegate::cli::demo {

/// How long nothing at all may happen: far more than it takes, so that only what hangs gets there.
inline constexpr std::chrono::seconds kPatience{5};

/// One scenario over one route.
///
/// Lifetime: shared with the protocols that it watches, which may outlast the scenario where something is
/// wrong.
class Stage final : public Witness, public std::enable_shared_from_this<Stage> {
 public:
  Stage(Route& route, std::string scenario, std::shared_ptr<TransportReport> report,
        std::shared_ptr<ProgressLine> progress);

  // --- connections -------------------------------------------------------------------------------

  /// Makes the protocol of the server's end.
  using ServerFactory = UniqueFunction<std::shared_ptr<StreamProtocol>()>;

  /// The other end of each connection gets a protocol from `factory`, watched.
  [[nodiscard]] Task<> listen(ServerFactory factory);
  /// Makes a connection with `client` at this end, watched.
  [[nodiscard]] Task<> connect(std::shared_ptr<StreamProtocol> client);
  /// Waits until both ends of every connection have ended. When no byte arrives for too long, it cuts what is
  /// left, and that is a problem.
  [[nodiscard]] Task<> all_ended();
  /// The scenario is over, however it went: closes the route, and waits a moment for callbacks that should
  /// not come.
  [[nodiscard]] Task<> finish();

  // --- what is found out -------------------------------------------------------------------------

  /// Notes what is wrong and cuts every connection: what comes after would only be its consequence.
  void fail(std::string_view problem);
  /// Cuts every connection, because nobody wants to know how it goes on.
  void abandon();
  /// Compares what was received with what belongs there.
  void check_bytes(std::string_view who, const Pattern& pattern, std::uint64_t position, BytesView data);
  /// From here on connections may end with the error of a peer that cut them.
  void expect_resets() noexcept { expects_resets_ = true; }
  [[nodiscard]] bool has_failed() const noexcept { return has_failed_; }

  [[nodiscard]] TransportReport& report() const noexcept { return *report_; }
  /// `done` is a part of 1.
  void show_progress(double done) { progress_->show(report_->transport, scenario_, done); }

  // --- from the checked protocols ----------------------------------------------------------------

  void opened(const TransportRef& transport) override;
  void received(std::size_t size_bytes) override { report_->bytes += size_bytes; }
  void violated(std::string_view who, std::string_view what) override;
  void ended(std::string_view who, const Error& reason) override;

 private:
  [[nodiscard]] std::size_t missing_ends() const noexcept {
    return ended_ < 2 * connected_ ? 2 * connected_ - ended_ : 0;
  }
  /// True where every end has ended in time.
  Task<bool> ends_within(Duration limit);

  Route& route_;  // Lifetime: used by the scenario's own coroutines only
  std::string scenario_;
  std::shared_ptr<TransportReport> report_;
  std::shared_ptr<ProgressLine> progress_;

  std::vector<TransportRef> open_;
  Future<> nobody_left_;
  std::size_t connected_ = 0;
  std::size_t ended_ = 0;
  bool expects_resets_ = false;
  bool has_failed_ = false;
};

}  // namespace tidegate::cli::demo
