// See progress.hpp.
#include "demo/progress.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <string>

#include <fmt/format.h>

namespace tidegate::cli::demo {

namespace {

constexpr std::chrono::milliseconds kBetweenDraws{50};
constexpr std::size_t kBarColumns = 24;
// Back to the first column, and clear to the end of the line.
constexpr std::string_view kStartOver = "\r\x1b[K";

// A terminal that takes no more progress is no reason to stop: failures are ignored.
void draw(std::string_view text) { static_cast<void>(std::fwrite(text.data(), 1, text.size(), stderr)); }

}  // namespace

void ProgressLine::show(std::string_view transport, std::string_view scenario, double done) {
  if (!is_visible_) return;
  const auto now = Clock::now();
  if (now < next_draw_) return;
  next_draw_ = now + kBetweenDraws;
  is_drawn_ = true;
  const double part = std::clamp(done, 0.0, 1.0);
  const std::string bar(static_cast<std::size_t>(part * kBarColumns), '#');
  draw(fmt::format("{}{:<14} {:<10} [{:-<{}}] {:3.0f} %", kStartOver, transport, scenario, bar, kBarColumns,
                   part * 100));
}

void ProgressLine::clear() {
  if (!is_drawn_) return;
  is_drawn_ = false;
  draw(kStartOver);
}

}  // namespace tidegate::cli::demo
