// One run from its beginning to its end: its clock, what it counts, who is connected, what went wrong.
#pragma once

#include <tidegate/error.hpp>
#include <tidegate/future.hpp>
#include <tidegate/handle.hpp>
#include <tidegate/loop.hpp>

#include "bench/connections.hpp"
#include "bench/failures.hpp"
#include "bench/measurement.hpp"
#include "bench/options.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace tidegate::cli::bench {

/// How long what is under way at the end of a run may take to arrive; then it is cut.
inline constexpr std::chrono::seconds kLongestFarewell{1};

/// What holding many connections has shown.
struct Holding {
  Seconds opening_time{};
  std::size_t lost = 0;
  /// Of this process, divided by the connections.
  std::uint64_t memory_per_connection_bytes = 0;
};

/// Lifetime: shared with the protocols of the run, which may outlast it. Not used once the loop has ended.
class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(Loop& loop, Options options);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  [[nodiscard]] const Options& options() const noexcept { return options_; }
  [[nodiscard]] Loop& loop() const noexcept { return loop_; }

  // --- the course of the run ---------------------------------------------------------------------

  /// Everything is in place: warm-up, measurement and end follow by the clock.
  void begin();
  /// The end, whoever wants it: from here on nothing counts. Idempotent.
  void stop();
  [[nodiscard]] bool has_begun() const noexcept { return begun_.has_value(); }
  [[nodiscard]] bool is_over() const noexcept { return over_.done(); }
  /// Done when the run is over.
  [[nodiscard]] Future<> over() const noexcept { return over_; }
  /// Since the beginning.
  [[nodiscard]] Seconds elapsed() const noexcept;

  // --- what it finds out -------------------------------------------------------------------------

  [[nodiscard]] Measurement& measurement() noexcept { return measurement_; }
  [[nodiscard]] Connections& connections() noexcept { return connections_; }
  [[nodiscard]] const Failures& failures() const noexcept { return failures_; }
  [[nodiscard]] std::optional<Holding>& holding() noexcept { return holding_; }

  /// Something went wrong on a connection.
  void fail(std::size_t connection, std::string_view what);
  /// A connection ended that should not have: a failure, unless the run is over. Where it was the last one,
  /// the run is over now. `moved_bytes`: how far the stream was.
  void lost(std::size_t connection, const Error& reason, std::uint64_t moved_bytes);
  /// Ends a run in which nobody is left to do anything.
  void stop_if_deserted();

 private:
  Loop& loop_;
  Options options_;
  Future<> over_;
  std::optional<TimePoint> begun_;
  TimerHandle warm_up_timer_;
  TimerHandle end_timer_;

  Measurement measurement_;
  Connections connections_;
  Failures failures_;
  std::optional<Holding> holding_;
};

/// Why a connection ended, for people.
[[nodiscard]] std::string describe_loss(const Error& reason, std::uint64_t moved_bytes);

}  // namespace tidegate::cli::bench
