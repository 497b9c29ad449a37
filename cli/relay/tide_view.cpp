// See tide_view.hpp.
#include "relay/tide_view.hpp"

#include "output.hpp"

#include <chrono>
#include <utility>
#include <vector>

namespace tidegate::cli::relay {

namespace {

constexpr std::chrono::milliseconds kBetweenDraws{250};
constexpr std::chrono::seconds kBetweenLines{1};

}  // namespace

TideView::TideView(Loop& loop, bool is_wanted)
    : loop_(loop), is_wanted_(is_wanted), is_terminal_(is_error_terminal()), shown_(loop.time()) {
  if (is_wanted_) show_again_later();
}

void TideView::add(std::uint64_t number, const Pair& pair) {
  watched_.emplace(number, Watched{.pair = &pair});
}

void TideView::remove(std::uint64_t number) { watched_.erase(number); }

void TideView::print(const std::string& line) {
  block_.clear();
  print_log(line);
}

void TideView::print_problem(const std::string& line) {
  block_.clear();
  print_error(line);
}

void TideView::show_again_later() {
  const Duration delay = is_terminal_ ? Duration(kBetweenDraws) : Duration(kBetweenLines);
  timer_ = loop_.call_later(delay, [this] {
    show();
    show_again_later();
  });
}

void TideView::show() {
  const TimePoint now = loop_.time();
  const double seconds = std::chrono::duration<double>(now - std::exchange(shown_, now)).count();
  std::vector<std::string> lines;
  for (auto& [number, watched] : watched_) {
    const TideReading reading = read(number, watched, seconds);
    if (is_terminal_) {
      lines.push_back(to_live_text(reading));
    } else {
      print_log(to_plain_text(reading));
    }
  }
  if (lines.empty()) {
    block_.clear();
  } else {
    block_.show(std::move(lines));
  }
}

TideReading TideView::read(std::uint64_t number, Watched& watched, double seconds) {
  const auto read_way = [&](End end, std::uint64_t& bytes_before) {
    const WayFigures figures = watched.pair->figures(end);
    const std::uint64_t recent = figures.bytes - std::exchange(bytes_before, figures.bytes);
    return WayReading{figures, static_cast<double>(recent) / seconds};
  };
  return {number, read_way(End::from, watched.out_bytes), read_way(End::to, watched.back_bytes)};
}

}  // namespace tidegate::cli::relay
