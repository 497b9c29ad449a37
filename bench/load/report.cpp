// See report.hpp.
#include "report.hpp"

#include <chrono>
#include <iomanip>
#include <iostream>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>

namespace load {

namespace {

/// The members of one JSON object, in a row.
class ObjectWriter {
 public:
  explicit ObjectWriter(std::ostream& out) : out_(out) { out_ << '{'; }
  ObjectWriter(const ObjectWriter&) = delete;
  ObjectWriter& operator=(const ObjectWriter&) = delete;
  ~ObjectWriter() { out_ << '}'; }

  template <typename Number>
  void number(std::string_view name, Number value) {
    begin(name);
    out_ << value;
  }

  template <typename Number>
  void number_or_null(std::string_view name, std::optional<Number> value) {
    if (value) return number(name, *value);
    begin(name);
    out_ << "null";
  }

  void text(std::string_view name, std::string_view value) {
    begin(name);
    out_ << '"';
    for (const char character : value) {
      if (character == '"' || character == '\\') out_ << '\\';
      out_ << character;
    }
    out_ << '"';
  }

  std::ostream& begin(std::string_view name) {
    if (!is_first_) out_ << ", ";
    is_first_ = false;
    return out_ << '"' << name << "\": ";
  }

 private:
  std::ostream& out_;
  bool is_first_ = true;
};

double seconds(std::chrono::nanoseconds duration) { return std::chrono::duration<double>(duration).count(); }

void write_latency(std::ostream& out, const Histogram& latency) {
  if (latency.empty()) {
    out << "null";
    return;
  }
  ObjectWriter quantiles(out);
  const auto microseconds = [&](double share) { return seconds(latency.quantile(share)) * 1e6; };
  quantiles.number("p50", microseconds(0.5));
  quantiles.number("p99", microseconds(0.99));
  quantiles.number("p999", microseconds(0.999));
}

}  // namespace

void print_report(const Arguments& arguments, const Measurement& measurement) {
  std::cout << std::setprecision(9);
  {
    ObjectWriter report(std::cout);
    report.text("mode", arguments.mode_text);
    report.text("address", arguments.address_text);
    report.number("connections", arguments.connections);
    report.number("size", arguments.size_bytes);
    report.number("pipeline", arguments.pipeline);
    report.number("seconds", seconds(measurement.duration));
    report.number("messages", measurement.messages);
    report.number("bytes", measurement.bytes);
    report.number("lost", measurement.lost);

    const auto& time = measurement.server_time;
    const auto time_of = [&](auto part) {
      return time ? std::optional(((*time).*part).count()) : std::nullopt;
    };
    report.number_or_null("server_cpu_ns", time_of(&ProcessorTime::total));
    report.number_or_null("server_user_ns", time_of(&ProcessorTime::user));
    report.number_or_null("server_system_ns", time_of(&ProcessorTime::system));
    report.number("load_cpu_ns", measurement.load_time.count());

    const auto bytes_of = [](const std::optional<Memory>& memory, auto part) {
      return memory ? std::optional((*memory).*part) : std::nullopt;
    };
    report.number_or_null("server_rss_bytes", bytes_of(measurement.memory, &Memory::resident_bytes));
    report.number_or_null("server_rss_before_bytes",
                          bytes_of(measurement.memory_before, &Memory::resident_bytes));
    report.number_or_null("server_anonymous_bytes", bytes_of(measurement.memory, &Memory::anonymous_bytes));
    report.number_or_null("server_anonymous_before_bytes",
                          bytes_of(measurement.memory_before, &Memory::anonymous_bytes));

    report.begin("latency_us");
    write_latency(std::cout, measurement.latency);
  }
  std::cout << std::endl;
}

}  // namespace load
