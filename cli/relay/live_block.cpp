// See live_block.hpp.
#include "relay/live_block.hpp"

#include <cstdio>
#include <string_view>

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace tidegate::cli::relay {

namespace {

struct TerminalSize {
  std::size_t lines = 24;
  std::size_t columns = 80;
};

/// Now: people change it. The usual one where the terminal does not know.
TerminalSize terminal_size() noexcept {
  TerminalSize size;
  winsize reported{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &reported) != 0) return size;
  if (reported.ws_row > 0) size.lines = reported.ws_row;
  if (reported.ws_col > 0) size.columns = reported.ws_col;
  return size;
}

bool begins_a_character(char byte) noexcept { return (static_cast<unsigned char>(byte) & 0xc0U) != 0x80U; }

/// The first characters of UTF-8 text, each of which takes one column: a longer line would go on in the next
/// one, which is not cleared.
void cut(std::string& line, std::size_t columns) {
  std::size_t seen = 0;
  for (std::size_t at = 0; at < line.size(); ++at) {
    if (begins_a_character(line[at]) && ++seen > columns) return line.resize(at);
  }
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
  const TerminalSize size = terminal_size();
  const std::size_t room = size.lines > 1 ? size.lines - 1 : 1;
  if (lines.size() > room) {
    const std::size_t unseen = lines.size() - (room - 1);
    lines.resize(room - 1);
    lines.push_back(fmt::format("and {} more", unseen));
  }
  for (std::string& line : lines) cut(line, size.columns);
  draw(fmt::format("{}{}", start_over(), fmt::join(lines, "\n")));
  drawn_lines_ = lines.size();
}

void LiveBlock::clear() {
  if (drawn_lines_ == 0) return;
  draw(start_over());
  drawn_lines_ = 0;
}

}  // namespace tidegate::cli::relay
