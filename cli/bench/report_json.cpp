// A run's report as a JSON object.
#include "bench/report_text.hpp"
#include "json_text.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

#include <fmt/format.h>

namespace tidegate::cli::bench {

namespace {

/// Appends one member to an object after the other.
class Members {
 public:
  void add(std::string_view name, const std::string& value) {
    text_ += fmt::format("{}\n  {}: {}", text_.empty() ? "" : ",", json_text(name), value);
  }
  [[nodiscard]] std::string object() const { return "{" + text_ + "\n}\n"; }

 private:
  std::string text_;
};

std::string json_number(std::uint64_t number) { return fmt::format("{}", number); }
std::string json_number(double number) { return fmt::format("{:.3f}", number); }
std::string json_truth(bool yes) { return yes ? "true" : "false"; }

/// null where a run of this kind has no such number.
template <typename Number>
std::string json_number_if(bool exists, Number number) {
  return exists ? json_number(number) : "null";
}

double microseconds(Duration latency) noexcept { return static_cast<double>(latency.count()) / 1e3; }

std::string json_latencies(const Histogram& latency) {
  if (latency.count() == 0) return "null";
  return fmt::format(R"({{"p50": {:.3f}, "p99": {:.3f}, "p99.9": {:.3f}, "max": {:.3f}}})",
                     microseconds(latency.at_per_mille(500)), microseconds(latency.at_per_mille(990)),
                     microseconds(latency.at_per_mille(999)), microseconds(latency.max()));
}

void add_options(Members& members, const Options& options) {
  members.add("mode", json_text(name_of(options.mode)));
  members.add("url", json_text(options.url.to_string()));
  members.add("listening", json_truth(options.listen));
  members.add("connections", json_number_if(!options.listen, std::uint64_t{options.connections}));
  members.add("message_bytes", json_number_if(options.mode != Mode::sink, std::uint64_t{options.size_bytes}));
  members.add("messages_under_way",
              json_number_if(options.mode == Mode::echo, std::uint64_t{options.pipeline}));
}

void add_measurements(Members& members, const Report& report) {
  const Mode mode = report.options.mode;
  members.add("measured_seconds", json_number_if(mode != Mode::idle, report.time.count()));
  members.add("messages", json_number_if(mode == Mode::echo, report.tally.messages));
  members.add("messages_per_second", json_number_if(mode == Mode::echo, report.messages_per_second()));
  members.add("connections_made", json_number_if(mode == Mode::storm, report.tally.messages));
  members.add("connections_per_second", json_number_if(mode == Mode::storm, report.messages_per_second()));
  members.add("bytes", json_number_if(mode != Mode::idle, report.tally.bytes));
  members.add("megabytes_per_second", json_number_if(mode != Mode::idle, report.megabytes_per_second()));
  members.add("datagrams_lost", json_number_if(report.options.is_of_datagrams(), report.tally.lost));
  members.add("datagrams_late", json_number_if(report.options.is_of_datagrams(), report.tally.late));
  members.add("latency_microseconds", json_latencies(report.tally.latency));
}

void add_holding(Members& members, const Report& report) {
  const bool exists = report.holding.has_value();
  const Holding holding = report.holding.value_or(Holding());
  const std::uint64_t alive = report.options.connections - holding.lost;
  members.add("connections_open", json_number_if(exists, alive));
  members.add("connections_lost", json_number_if(exists, std::uint64_t{holding.lost}));
  members.add("opening_seconds", json_number_if(exists, holding.opening_time.count()));
  members.add("memory_per_connection_bytes", json_number_if(exists, holding.memory_per_connection_bytes));
}

}  // namespace

std::string to_json(const Report& report) {
  Members members;
  members.add("version", json_text(TIDEGATE_VERSION));
  members.add("backend", json_text(report.backend));
  members.add("refusal", report.refusal.empty() ? "null" : json_text(report.refusal));
  add_options(members, report.options);
  add_measurements(members, report);
  add_holding(members, report);
  members.add("errors", json_number(report.failures.count()));
  members.add("problems", json_list(report.failures.texts()));
  members.add("interrupted", json_truth(report.interrupted));
  return members.object();
}

}  // namespace tidegate::cli::bench
