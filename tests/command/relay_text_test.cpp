// How far a connection has come, in words: what fits on a line, and what a gauge shows.
#include "relay/tide_text.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

#include <gtest/gtest.h>

namespace {

using tidegate::cli::relay::Level;
using tidegate::cli::relay::TideReading;
using tidegate::cli::relay::to_live_text;
using tidegate::cli::relay::to_plain_text;
using tidegate::cli::relay::to_totals_text;
using tidegate::cli::relay::WayReading;

WayReading way(std::uint64_t bytes, double bytes_per_second, Level level, bool paused) {
  return {{.bytes = bytes, .dropped_bytes = 0, .level = level, .paused = paused}, bytes_per_second};
}

TideReading out_only(const WayReading& out) { return {.number = 1, .out = out, .back = WayReading()}; }

/// Of a terminal: a character in UTF-8 is one column here, whatever its bytes.
std::size_t columns(const std::string& text) {
  std::size_t count = 0;
  for (const char byte : text) count += (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U ? 1 : 0;
  return count;
}

/// What stands between the marks of the first gauge.
std::string gauge(Level level) {
  const std::string text = to_live_text(out_only(way(0, 0, level, false)));
  const std::size_t begin = text.find("▕") + std::string("▕").size();
  return text.substr(begin, text.rfind("▏ ", text.find("←")) - begin);
}

TEST(RelayText, a_live_line_fits_into_80_columns_whatever_it_shows) {
  for (const std::uint64_t bytes : {0ULL, 999ULL, 1'000ULL, 999'949ULL, 999'950ULL, 999'999'999'999ULL}) {
    const WayReading busy = way(bytes, static_cast<double>(bytes), {70'000, 65'536}, true);
    EXPECT_LE(columns(to_live_text({.number = 999, .out = busy, .back = busy})), 80U) << bytes;
  }
}

TEST(RelayText, columns_stay_where_they_are) {
  const std::size_t idle = columns(to_live_text(out_only(way(0, 0, {}, false))));
  EXPECT_EQ(columns(to_live_text(out_only(way(123'456'789, 1e9, {9, 64}, true)))), idle);
}

TEST(RelayText, a_gauge_is_full_at_the_high_mark_and_shows_what_little_there_is) {
  EXPECT_EQ(gauge({0, 65'536}), "      ");
  EXPECT_EQ(gauge({1, 65'536}), "▏     ");
  EXPECT_EQ(gauge({32'768, 65'536}), "███   ");
  EXPECT_EQ(gauge({65'536, 65'536}), "██████");
  EXPECT_EQ(gauge({1'000'000, 65'536}), "██████");
  EXPECT_EQ(gauge({0, 0}), "      ");
}

TEST(RelayText, a_plain_line_has_the_figures) {
  EXPECT_EQ(to_plain_text({.number = 3,
                           .out = way(1'048'576, 2'500'000, {65'537, 65'536}, true),
                           .back = way(12, 0, {0, 65'536}, false)}),
            "#3 out 1048576 bytes, 2.5 MB/s, buffer 65537 of 65536, paused; "
            "back 12 bytes, 0 B/s, buffer 0 of 65536");
}

TEST(RelayText, totals_tell_of_dropped_bytes_where_there_are_any) {
  EXPECT_EQ(to_totals_text({.bytes = 10}, {.bytes = 20}, 1.25), "10 bytes out, 20 back, in 1.2 s");
  EXPECT_EQ(to_totals_text({.bytes = 10, .dropped_bytes = 4}, {.bytes = 20, .dropped_bytes = 1}, 60),
            "10 bytes out, 20 back (5 of them dropped), in 60.0 s");
}

}  // namespace
