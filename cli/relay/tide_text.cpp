// See tide_text.hpp.
#include "relay/tide_text.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

#include <fmt/format.h>

namespace tidegate::cli::relay {

namespace {

constexpr std::size_t kGaugeCells = 6;

/// At most 8 characters: "999 B", "1.0 kB", "123.4 MB".
std::string to_bytes_text(double bytes) {
  if (bytes < 999.5) return fmt::format("{:.0f} B", bytes);
  constexpr std::array kUnits{"kB", "MB", "GB", "TB"};
  std::size_t unit = 0;
  for (bytes /= 1000; bytes >= 999.95 && unit + 1 < kUnits.size(); ++unit) bytes /= 1000;
  return fmt::format("{:.1f} {}", bytes, kUnits[unit]);
}

/// The write buffer as a gauge that is full at the high mark: an eighth of a cell is the smallest step, and
/// what little there is shows.
std::string to_gauge(const Level& level) {
  constexpr std::array<std::string_view, 9> kEighths{" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"};
  constexpr std::size_t kFull = kGaugeCells * 8;
  const std::size_t high = std::max<std::size_t>(level.high_bytes, 1);
  std::size_t eighths = std::min(level.buffered_bytes, high) * kFull / high;
  if (level.buffered_bytes > 0) eighths = std::max<std::size_t>(eighths, 1);
  std::string gauge;
  for (std::size_t cell = 0; cell < kGaugeCells; ++cell) {
    const std::size_t filled = std::min<std::size_t>(eighths, 8);
    gauge += kEighths[filled];
    eighths -= filled;
  }
  return gauge;
}

std::string to_live_text(std::string_view arrow, const WayReading& way) {
  return fmt::format("{} {:>8} {:>10} ▕{}▏ {:6}", arrow,
                     to_bytes_text(static_cast<double>(way.figures.bytes)),
                     to_bytes_text(way.bytes_per_second) + "/s", to_gauge(way.figures.level),
                     way.figures.paused ? "paused" : "");
}

std::string to_plain_text(std::string_view name, const WayReading& way) {
  return fmt::format("{} {} bytes, {}/s, buffer {} of {}{}", name, way.figures.bytes,
                     to_bytes_text(way.bytes_per_second), way.figures.level.buffered_bytes,
                     way.figures.level.high_bytes, way.figures.paused ? ", paused" : "");
}

}  // namespace

std::string to_live_text(const TideReading& reading) {
  return fmt::format("{:<4}{} {}", fmt::format("#{}", reading.number), to_live_text("→", reading.out),
                     to_live_text("←", reading.back));
}

std::string to_plain_text(const TideReading& reading) {
  return fmt::format("#{} {}; {}", reading.number, to_plain_text("out", reading.out),
                     to_plain_text("back", reading.back));
}

std::string to_totals_text(const WayFigures& out, const WayFigures& back, double seconds) {
  const std::uint64_t dropped_bytes = out.dropped_bytes + back.dropped_bytes;
  const std::string dropped = dropped_bytes == 0 ? "" : fmt::format(" ({} of them dropped)", dropped_bytes);
  return fmt::format("{} bytes out, {} back{}, in {:.1f} s", out.bytes, back.bytes, dropped, seconds);
}

}  // namespace tidegate::cli::relay
