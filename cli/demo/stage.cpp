// See stage.hpp.
#include "demo/stage.hpp"

#include <tidegate/error.hpp>
#include <tidegate/sleep.hpp>
#include <tidegate/timeout.hpp>
#include <tidegate/tls.hpp>
#include <tidegate/transport.hpp>

#include <system_error>
#include <utility>

#include <fmt/format.h>

namespace tidegate::cli::demo {

namespace {

// What is cut ends at once; this is for a library that is broken.
constexpr std::chrono::seconds kPatienceAfterAbort{2};
// Long enough for several iterations of the loop, in which a stray callback would come.
constexpr std::chrono::milliseconds kSilence{2};
// How often a wait looks whether anything moves.
constexpr std::chrono::seconds kBetweenLooks{1};

/// How a connection may end for the one whose peer cut it: the error depends on whether it was reading or
/// writing, and on whether TLS has missed an end.
bool is_reset(const Error& reason) {
  return reason.code() == std::errc::connection_reset || reason.code() == std::errc::broken_pipe ||
         reason.code() == TlsErrc::truncated;
}

}  // namespace

Stage::Stage(Route& route, std::string scenario, std::shared_ptr<TransportReport> report,
             std::shared_ptr<ProgressLine> progress)
    : route_(route),
      scenario_(std::move(scenario)),
      report_(std::move(report)),
      progress_(std::move(progress)) {}

// --- connections ---------------------------------------------------------------------------------

Task<> Stage::listen(ServerFactory factory) {
  auto make_checked = [stage = shared_from_this(), factory = std::move(factory)]() mutable {
    return std::shared_ptr<BaseProtocol>(checked("server", factory(), stage));
  };
  ProtocolFactory servers(std::move(make_checked));
  auto listening = route_.listen(std::move(servers));
  co_await wait_for(std::move(listening), kPatience);
}

Task<> Stage::connect(std::shared_ptr<StreamProtocol> client) {
  auto connecting = route_.connect(checked("client", client, shared_from_this()));
  co_await wait_for(std::move(connecting), kPatience);
  ++connected_;
}

Task<> Stage::all_ended() {
  const Loop& loop = get_running_loop();
  std::uint64_t bytes_before = report_->bytes;
  TimePoint moved_at = loop.time();
  bool is_over = co_await ends_within(kBetweenLooks);
  while (!is_over && loop.time() - moved_at < kPatience) {
    if (std::exchange(bytes_before, report_->bytes) != report_->bytes) moved_at = loop.time();
    is_over = co_await ends_within(kBetweenLooks);
  }
  if (is_over) co_return;
  fail(fmt::format("nothing has moved for {} s, and {} of {} protocols were not told connection_lost",
                   kPatience.count(), missing_ends(), 2 * connected_));
  co_await ends_within(kPatienceAfterAbort);
}

Task<bool> Stage::ends_within(Duration limit) {
  if (missing_ends() == 0) co_return true;
  nobody_left_ = get_running_loop().create_future<void>();
  try {
    co_await wait_for(nobody_left_, limit);
  } catch (const TimeoutError&) {
    co_return false;
  }
  co_return true;
}

Task<> Stage::finish() {
  auto closing = route_.close();
  bool is_closed = true;
  try {
    co_await wait_for(std::move(closing), kPatienceAfterAbort);
  } catch (const TimeoutError&) {
    is_closed = false;
  }
  if (!is_closed) fail("the server did not end");
  co_await sleep(kSilence);
  open_.clear();
}

// --- what is found out ---------------------------------------------------------------------------

void Stage::fail(std::string_view problem) {
  report_->note(fmt::format("{}: {}", scenario_, problem));
  abandon();
}

void Stage::abandon() {
  has_failed_ = true;
  for (const TransportRef& transport : open_) transport->abort();
}

void Stage::check_bytes(std::string_view who, const Pattern& pattern, std::uint64_t position,
                        BytesView data) {
  const auto wrong = pattern.first_mismatch(position, data);
  if (wrong) fail(fmt::format("the {} received a wrong byte at position {}", who, *wrong));
}

// --- from the checked protocols ------------------------------------------------------------------

void Stage::opened(const TransportRef& transport) {
  open_.push_back(transport);
  if (has_failed_) transport->abort();
}

void Stage::violated(std::string_view who, std::string_view what) { fail(fmt::format("{}: {}", who, what)); }

void Stage::ended(std::string_view who, const Error& reason) {
  const bool is_expected = !reason || (expects_resets_ && is_reset(reason));
  if (!is_expected) fail(fmt::format("the {} lost its connection: {}", who, reason.message()));
  ++ended_;
  if (missing_ends() == 0 && nobody_left_ && !nobody_left_.done()) nobody_left_.set_result();
}

}  // namespace tidegate::cli::demo
