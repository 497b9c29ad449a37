// The demo's report as a JSON document.
#include "demo/report_text.hpp"

#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

namespace tidegate::cli::demo {

namespace {

std::string quoted(std::string_view text) {
  std::string result = "\"";
  for (const char character : text) {
    if (character == '"' || character == '\\') {
      result += '\\';
      result += character;
    } else if (static_cast<unsigned char>(character) < 0x20) {
      result += fmt::format("\\u{:04x}", static_cast<unsigned>(character));
    } else {
      result += character;
    }
  }
  return result + '"';
}

std::string list_of(const std::vector<std::string>& items, std::string_view separator) {
  return fmt::format("[{}]", fmt::join(items, separator));
}

std::string texts(const std::vector<std::string>& texts) {
  std::vector<std::string> items;
  for (const std::string& text : texts) items.push_back(quoted(text));
  return list_of(items, ", ");
}

std::string object_of(const TransportReport& transport) {
  const bool is_missing = !transport.missing_because.empty();
  return fmt::format(
      "{{\"transport\": {}, \"missing_because\": {}, \"contract_kept\": {}, \"problems\": {}, \"bytes\": {}, "
      "\"messages\": {}, \"messages_per_second\": {:.0f}, \"bulk_bytes\": {}, \"bulk_bytes_per_second\": "
      "{:.0f}, "
      "\"pauses\": {}, \"resumes\": {}, \"peak_write_buffer_bytes\": {}}}",
      quoted(transport.transport), is_missing ? quoted(transport.missing_because) : "null",
      is_missing ? "null" : (transport.contract_kept() ? "true" : "false"), texts(transport.problems),
      transport.bytes, transport.messages, transport.messages_per_second(), transport.bulk_bytes,
      transport.bulk_bytes_per_second(), transport.pauses, transport.resumes,
      transport.peak_write_buffer_bytes);
}

}  // namespace

std::string to_json(const DemoReport& report) {
  std::vector<std::string> transports;
  for (const TransportReport& transport : report.transports)
    transports.push_back("\n    " + object_of(transport));
  return fmt::format(
      "{{\n  \"version\": {},\n  \"backend\": {},\n  \"seconds\": {:.3f},\n  \"contract_kept\": {},\n"
      "  \"problems\": {},\n  \"transports\": {}\n}}\n",
      quoted(TIDEGATE_VERSION), quoted(report.backend), report.time.count(), report.contract_kept(),
      texts(report.problems), list_of(transports, ","));
}

}  // namespace tidegate::cli::demo
