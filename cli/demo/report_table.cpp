// The demo's report as a table for people.
#include "demo/report_text.hpp"
#include "number_text.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include <fmt/format.h>

namespace tidegate::cli::demo {

namespace {

constexpr std::size_t kColumns = 7;
using Row = std::array<std::string, kColumns>;

const Row kTitles{"transport",      "bytes checked",     "messages/s",   "bulk MB/s",
                  "pauses/resumes", "peak write buffer", "contract kept"};

std::string mebibytes(std::uint64_t bytes) {
  return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1 << 20));
}

std::string kibibytes(std::size_t bytes) {
  return fmt::format("{:.1f} KiB", static_cast<double>(bytes) / 1024);
}

Row row_of(const TransportReport& transport) {
  if (!transport.missing_because.empty()) return {transport.transport, "-", "-", "-", "-", "-", "not here"};
  const std::string verdict = transport.contract_kept() ? "yes" : "NO";
  if (transport.bulk_bytes == 0) {
    // Datagrams know no bulk; or it never got that far.
    return {transport.transport,
            mebibytes(transport.bytes),
            rounded(transport.messages_per_second()),
            "-",
            "-",
            "-",
            verdict};
  }
  return {transport.transport,
          mebibytes(transport.bytes),
          rounded(transport.messages_per_second()),
          rounded(transport.bulk_bytes_per_second() / 1e6),
          fmt::format("{}/{}", transport.pauses, transport.resumes),
          kibibytes(transport.peak_write_buffer_bytes),
          verdict};
}

Row rule(const std::array<std::size_t, kColumns>& widths) {
  Row row;
  for (std::size_t column = 0; column < kColumns; ++column) row[column] = std::string(widths[column], '-');
  return row;
}

/// Words to the left, numbers to the right.
std::string line_of(const Row& row, const std::array<std::size_t, kColumns>& widths) {
  std::string line = fmt::format("{:<{}}", row.front(), widths.front());
  for (std::size_t column = 1; column + 1 < kColumns; ++column) {
    line += fmt::format("   {:>{}}", row[column], widths[column]);
  }
  return line + "   " + row.back() + "\n";
}

std::string lay_out(const std::vector<Row>& rows) {
  std::array<std::size_t, kColumns> widths{};
  for (const Row& row : rows) {
    for (std::size_t column = 0; column < kColumns; ++column) {
      widths[column] = std::max(widths[column], row[column].size());
    }
  }
  std::string text = line_of(rows.front(), widths) + line_of(rule(widths), widths);
  for (std::size_t index = 1; index < rows.size(); ++index) text += line_of(rows[index], widths);
  return text;
}

/// What the table has no room for: why a transport is missing, and what was wrong.
std::string remarks(const BackendReport& report) {
  std::string text;
  for (const TransportReport& transport : report.transports) {
    if (!transport.missing_because.empty()) {
      text += fmt::format("{}: not on this machine ({})\n", transport.transport, transport.missing_because);
    }
    for (const std::string& problem : transport.problems) {
      text += fmt::format("{}: {}\n", transport.transport, problem);
    }
  }
  for (const std::string& problem : report.problems) text += problem + "\n";
  return text.empty() ? text : "\n" + text;
}

/// "5 of 5 on epoll".
std::string score_of(const BackendReport& report) {
  std::size_t played = 0;
  std::size_t kept = 0;
  for (const TransportReport& transport : report.transports) {
    if (!transport.missing_because.empty()) continue;
    ++played;
    if (transport.contract_kept()) ++kept;
  }
  return fmt::format("{} of {} on {}", kept, played, report.backend);
}

std::string verdict(const DemoReport& report) {
  std::string text;
  for (const std::string& remark : report.remarks) text += remark + "\n";
  std::vector<std::string> scores;
  for (const BackendReport& backend : report.backends) scores.push_back(score_of(backend));
  return text + fmt::format("{}: transports that kept the contract: {}; {:.2f} s\n",
                            report.contract_kept() ? "OK" : "FAILED", fmt::join(scores, ", "),
                            report.time().count());
}

std::string section_of(const BackendReport& report) {
  std::vector<Row> rows{kTitles};
  for (const TransportReport& transport : report.transports) rows.push_back(row_of(transport));
  const std::string refused = report.refusal.empty() ? "" : fmt::format(": {}", report.refusal);
  return fmt::format("on {}{}\n\n{}{}\n", report.backend, refused, lay_out(rows), remarks(report));
}

}  // namespace

std::string to_table(const DemoReport& report) {
  std::string text = fmt::format(
      "tidegate {} demo: echoed messages and datagrams, bulk to a slow reader, half-close, abort; "
      "impostors over TLS; a child\n\n",
      TIDEGATE_VERSION);
  for (const BackendReport& backend : report.backends) text += section_of(backend);
  return text + verdict(report);
}

}  // namespace tidegate::cli::demo
