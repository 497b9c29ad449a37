// A run's report as lines for people.
#include "backend_choice.hpp"
#include "bench/report_text.hpp"
#include "number_text.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace tidegate::cli::bench {

namespace {

/// What a line says, and its number with the unit.
using Line = std::pair<std::string, std::string>;

std::string counted(std::uint64_t count, std::string_view what) {
  return fmt::format("{} {}{}", grouped(count), what, count == 1 ? "" : "s");
}

constexpr std::array<std::pair<const char*, std::uint64_t>, 3> kPercentiles{
    {{"latency p50", 500}, {"latency p99", 990}, {"latency p99.9", 999}}};

// --- what was done -----------------------------------------------------------------------------------------

std::string task_of(const Options& options) {
  const std::string connections = counted(options.connections, "connection");
  const std::string size = counted(options.size_bytes, "byte");
  switch (options.mode) {
    case Mode::echo:
      return fmt::format("{}, {} of {} under way on each",
                         options.is_of_datagrams() ? counted(options.connections, "socket") : connections,
                         counted(options.pipeline, "message"), size);
    case Mode::storm:
      return fmt::format("{} at a time, each for one message of {}", connections, size);
    case Mode::source:
      return fmt::format("{}, writes of {}", options.listen ? "any number of connections" : connections,
                         size);
    case Mode::sink:
      return fmt::format("{}, {}", options.listen ? "any number of connections" : connections,
                         options.check ? "every byte compared" : "bytes only counted");
    case Mode::idle:
      break;
  }
  return fmt::format("{}, held for {:g} s, then one message of {} on each", connections,
                     Seconds(options.duration).count(), size);
}

std::string heading_of(const Report& report) {
  const Options& options = report.options;
  std::string text =
      fmt::format("tidegate {} bench, backend {}: {} {} {}\n{}", TIDEGATE_VERSION,
                  backend_text(options.backend, report.backend), name_of(options.mode),
                  options.listen ? "listening on" : "to", options.url.to_string(), task_of(options));
  if (options.mode != Mode::idle) text += fmt::format("; measured for {:.2f} s", report.time.count());
  return text + (report.interrupted ? ", then interrupted\n\n" : "\n\n");
}

// --- what came of it ---------------------------------------------------------------------------------------

void add_latencies(std::vector<Line>& lines, const Histogram& latency) {
  for (const auto& [name, per_mille] : kPercentiles) {
    lines.emplace_back(name, latency.count() > 0 ? to_text(latency.at_per_mille(per_mille)) : "-");
  }
  lines.emplace_back("latency max", latency.count() > 0 ? to_text(latency.max()) : "-");
}

std::vector<Line> lines_of_messages(const Report& report, const std::string& what) {
  std::vector<Line> lines{{what, grouped(report.tally.messages)},
                          {what + "/s", rounded(report.messages_per_second())},
                          {"MB/s", fmt::format("{:.2f}", report.megabytes_per_second())}};
  add_latencies(lines, report.tally.latency);
  return lines;
}

/// How many of those that were sent, and which part that is.
void add_losses(std::vector<Line>& lines, const Tally& tally) {
  const std::uint64_t sent = tally.messages + tally.lost;
  const double percent = sent > 0 ? 100.0 * static_cast<double>(tally.lost) / static_cast<double>(sent) : 0;
  lines.emplace_back("lost", grouped(tally.lost));
  lines.emplace_back("lost %", fmt::format("{:.3f}", percent));
  lines.emplace_back("late", grouped(tally.late));
}

std::vector<Line> lines_of_bytes(const Report& report) {
  return {{"bytes", grouped(report.tally.bytes)},
          {"MB/s", fmt::format("{:.2f}", report.megabytes_per_second())}};
}

std::vector<Line> lines_of_holding(const Report& report) {
  const Holding holding = report.holding.value_or(Holding());
  const std::size_t alive = report.options.connections - holding.lost;
  return {{"connections open", grouped(alive)},
          {"connections lost", grouped(holding.lost)},
          {"time to open", fmt::format("{:.3f} s", holding.opening_time.count())},
          {"memory/connection", fmt::format("{} bytes", grouped(holding.memory_per_connection_bytes))}};
}

std::vector<Line> lines_of(const Report& report) {
  switch (report.options.mode) {
    case Mode::echo:
      return lines_of_messages(report, "messages");
    case Mode::storm:
      return lines_of_messages(report, "connections");
    case Mode::source:
    case Mode::sink:
      return lines_of_bytes(report);
    case Mode::idle:
      break;
  }
  return lines_of_holding(report);
}

/// Columns, not bytes: the micro sign takes two of these.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char character) {
    return (static_cast<unsigned char>(character) & 0xC0u) != 0x80u;
  }));
}

/// Words to the left, numbers to the right.
std::string lay_out(const std::vector<Line>& lines) {
  std::size_t words = 0;
  std::size_t numbers = 0;
  for (const auto& [word, number] : lines) {
    words = std::max(words, word.size());
    numbers = std::max(numbers, width_of(number));
  }
  std::string text;
  for (const auto& [word, number] : lines) {
    const std::string gap(numbers - width_of(number), ' ');
    text += fmt::format("{:<{}}   {}{}\n", word, words, gap, number);
  }
  return text;
}

}  // namespace

std::string to_text(Duration latency) {
  const auto nanoseconds = static_cast<double>(latency.count());
  if (latency < std::chrono::milliseconds(1)) return fmt::format("{:.1f} µs", nanoseconds / 1e3);
  if (latency < std::chrono::seconds(1)) return fmt::format("{:.2f} ms", nanoseconds / 1e6);
  return fmt::format("{:.2f} s", nanoseconds / 1e9);
}

std::string to_lines(const Report& report) {
  std::vector<Line> lines = lines_of(report);
  if (report.options.is_of_datagrams()) add_losses(lines, report.tally);
  lines.emplace_back("errors", grouped(report.failures.count()));
  return heading_of(report) + lay_out(lines);
}

}  // namespace tidegate::cli::bench
