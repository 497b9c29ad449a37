// The demo's report as a JSON document.
#include "demo/report_text.hpp"
#include "json_text.hpp"

#include <string>
#include <vector>

#include <fmt/format.h>

namespace tidegate::cli::demo {

namespace {

std::string object_of(const TransportReport& transport) {
  const bool is_missing = !transport.missing_because.empty();
  return fmt::format(
      "{{\"transport\": {}, \"missing_because\": {}, \"contract_kept\": {}, \"problems\": {}, \"bytes\": {}, "
      "\"messages\": {}, \"messages_per_second\": {:.0f}, \"bulk_bytes\": {}, \"bulk_bytes_per_second\": "
      "{:.0f}, "
      "\"pauses\": {}, \"resumes\": {}, \"peak_write_buffer_bytes\": {}}}",
      json_text(transport.transport), is_missing ? json_text(transport.missing_because) : "null",
      is_missing ? "null" : (transport.contract_kept() ? "true" : "false"), json_list(transport.problems),
      transport.bytes, transport.messages, transport.messages_per_second(), transport.bulk_bytes,
      transport.bulk_bytes_per_second(), transport.pauses, transport.resumes,
      transport.peak_write_buffer_bytes);
}

std::string object_of(const BackendReport& report) {
  std::vector<std::string> transports;
  for (const TransportReport& transport : report.transports)
    transports.push_back("\n      " + object_of(transport));
  return fmt::format(
      "{{\"backend\": {}, \"refusal\": {}, \"seconds\": {:.3f}, \"contract_kept\": {}, \"problems\": {},\n"
      "    \"transports\": [{}]}}",
      json_text(report.backend), report.refusal.empty() ? "null" : json_text(report.refusal),
      report.time.count(), report.contract_kept(), json_list(report.problems), fmt::join(transports, ","));
}

}  // namespace

std::string to_json(const DemoReport& report) {
  std::vector<std::string> backends;
  for (const BackendReport& backend : report.backends) backends.push_back("\n    " + object_of(backend));
  return fmt::format(
      "{{\n  \"version\": {},\n  \"seconds\": {:.3f},\n  \"contract_kept\": {},\n  \"remarks\": {},\n"
      "  \"backends\": [{}]\n}}\n",
      json_text(TIDEGATE_VERSION), report.time().count(), report.contract_kept(), json_list(report.remarks),
      fmt::join(backends, ","));
}

}  // namespace tidegate::cli::demo
