// See progress.hpp.
#include "demo/progress.hpp"

#include <algorithm>
#include <cstddef>
#include <string>

#include <fmt/format.h>

namespace tidegate::cli::demo {

namespace {

constexpr std::chrono::milliseconds kBetweenDraws{50};
constexpr std::size_t kBarColumns = 24;

}  // namespace

void ProgressLine::show(std::string_view transport, std::string_view scenario, double done) {
  if (!line_.is_visible()) return;
  const auto now = Clock::now();
  if (now < next_draw_) return;
  next_draw_ = now + kBetweenDraws;
  const double part = std::clamp(done, 0.0, 1.0);
  const std::string bar(static_cast<std::size_t>(part * kBarColumns), '#');
  line_.show(
      fmt::format("{:<14} {:<10} [{:-<{}}] {:3.0f} %", transport, scenario, bar, kBarColumns, part * 100));
}

}  // namespace tidegate::cli::demo
