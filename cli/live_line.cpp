// See live_line.hpp.
#include "live_line.hpp"

#include <cstdio>
#include <string>

namespace tidegate::cli {

namespace {

// Back to the first column, and clear to the end of the line.
constexpr std::string_view kStartOver = "\r\x1b[K";

// A terminal that takes no more is no reason to stop: failures are ignored.
void draw(std::string_view text) { static_cast<void>(std::fwrite(text.data(), 1, text.size(), stderr)); }

}  // namespace

void LiveLine::show(std::string_view text) {
  if (!is_visible_) return;
  is_drawn_ = true;
  draw(std::string(kStartOver).append(text));
}

void LiveLine::clear() {
  if (!is_drawn_) return;
  is_drawn_ = false;
  draw(kStartOver);
}

}  // namespace tidegate::cli
