// See live_view.hpp.
#include "bench/live_view.hpp"

#include "bench/report_text.hpp"
#include "number_text.hpp"

#include <chrono>
#include <utility>

#include <fmt/format.h>

namespace tidegate::cli::bench {

namespace {

constexpr std::chrono::milliseconds kBetweenDraws{250};

}  // namespace

LiveView::LiveView(std::shared_ptr<Session> session, bool is_visible)
    : session_(std::move(session)), line_(is_visible), drawn_(session_->loop().time()) {
  if (is_visible) draw_again_later();
}

void LiveView::draw_again_later() {
  timer_ = session_->loop().call_later(kBetweenDraws, [this] {
    line_.show(text());
    draw_again_later();
  });
}

std::string LiveView::text() {
  if (!session_->has_begun()) return text_before_the_beginning();
  const Options& options = session_->options();
  const double elapsed = session_->elapsed().count();
  const std::string time = fmt::format("{:5.1f} of {:.1f} s   ", elapsed, Seconds(options.duration).count());
  const bool is_warm = session_->measurement().is_on();
  const char* phase = session_->is_over() ? "   ending" : (is_warm ? "" : "   warming up");
  return time + recent_numbers() + phase;
}

std::string LiveView::text_before_the_beginning() const {
  if (session_->options().listen) return "waiting for a connection";
  return fmt::format("connecting: {} of {}", grouped(session_->connections().open()),
                     grouped(session_->options().connections));
}

std::string LiveView::recent_numbers() {
  const TimePoint now = session_->loop().time();
  const double seconds = Seconds(now - std::exchange(drawn_, now)).count();
  const Tally recent = session_->measurement().take_recent();
  const std::string megabytes = fmt::format("{:.1f} MB/s", static_cast<double>(recent.bytes) / 1e6 / seconds);
  const std::string p99 = fmt::format("p99 {}", to_text(recent.latency.at_per_mille(990)));
  const std::string messages = rounded(static_cast<double>(recent.messages) / seconds);
  switch (session_->options().mode) {
    case Mode::echo:
      return fmt::format("{} messages/s   {}   {}", messages, megabytes, p99) +
             (recent.lost > 0 ? fmt::format("   {} lost", grouped(recent.lost)) : "");
    case Mode::storm:
      return fmt::format("{} connections/s   {}", messages, p99);
    case Mode::source:
    case Mode::sink:
      return megabytes;
    case Mode::idle:
      break;
  }
  return fmt::format("{} open", grouped(session_->connections().open()));
}

}  // namespace tidegate::cli::bench
