// See live_block.hpp.
#include "relay/live_block.hpp"

#include <cstdio>
#include <string_view>

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace tidegate::cli::relay {

namespace {

constexpr std::size_t kUsualHeight = 24;

std::size_t terminal_height() noexcept {
  winsize size{};
  const bool is_known = ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0;
  return is_known ? size.ws_row : kUsualHeight;
}

// A terminal that takes no more is no reason to stop: failures are ignored.
void draw(std::string_view text) { static_cast<void>(std::fwrite(text.data(), 1, text.size(), stderr)); }

}  // namespace

/// To the first column of the first line, and everything below cleared.
std::string LiveBlock::start_over() const {
  const std::string up = drawn_lines_ > 1 ? fmt::format("\x1b[{}A", drawn_lines_ - 1) : "";
  return "\r" + up + "\x1b[J";
}

void LiveBlock::show(std::vector<std::string> lines) {
  const std::size_t room = terminal_height() > 1 ? terminal_height() - 1 : 1;
  if (lines.size() > room) {
    const std::size_t unseen = lines.size() - (room - 1);
    lines.resize(room - 1);
    lines.push_back(fmt::format("and {} more", unseen));
  }
  draw(fmt::format("{}{}", start_over(), fmt::join(lines, "\n")));
  drawn_lines_ = lines.size();
}

void LiveBlock::clear() {
  if (drawn_lines_ == 0) return;
  draw(start_over());
  drawn_lines_ = 0;
}

}  // namespace tidegate::cli::relay
