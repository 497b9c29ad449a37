// How far a connection has come, in words. Knows no terminals.
#pragma once

#include "relay/pair.hpp"

#include <cstdint>
#include <string>

namespace tidegate::cli::relay {

/// One way at one moment.
struct WayReading {
  WayFigures figures;
  double bytes_per_second = 0;
};

/// Both of a connection.
struct TideReading {
  std::uint64_t number = 0;
  WayReading out;   // from FROM to TO
  WayReading back;  // from TO to FROM
};

/// For a terminal of 80 columns: each way's bytes, rate, write buffer against its high mark, and whether it
/// is paused.
[[nodiscard]] std::string to_live_text(const TideReading& reading);

/// The same in figures, for a file.
[[nodiscard]] std::string to_plain_text(const TideReading& reading);

/// What it came to in the end.
[[nodiscard]] std::string to_totals_text(const WayFigures& out, const WayFigures& back, double seconds);

}  // namespace tidegate::cli::relay
