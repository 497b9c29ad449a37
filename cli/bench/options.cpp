// See options.hpp.
#include "bench/options.hpp"

#include "amounts.hpp"
#include "arguments.hpp"
#include "bench/datagram_window.hpp"

#include <algorithm>
#include <array>
#include <chrono>

#include <fmt/format.h>

namespace tidegate::cli::bench {

namespace {

constexpr std::array kModes{Mode::echo, Mode::source, Mode::sink, Mode::storm, Mode::idle};

constexpr std::size_t kMostConnections = 1'000'000;
constexpr std::size_t kLongestPipeline = 65'536;
// What an IP packet has room for.
constexpr std::size_t kLargestDatagramBytes = 65'507;
constexpr Duration kLongestWarmUp = std::chrono::seconds(1);
constexpr double kShortestSeconds = 0.01;
constexpr double kLongestSeconds = 86'400;
// A source is after bytes, not messages: what a program that sends in bulk would write at once.
constexpr std::size_t kSourceMessageBytes = 65'536;

// --- single words ------------------------------------------------------------------------------------------

Mode parse_mode(const std::string& text) {
  for (const Mode mode : kModes) {
    if (text == name_of(mode)) return mode;
  }
  throw UsageError(fmt::format("unknown mode \"{}\", expected echo, source, sink, storm or idle", text));
}

// --- words that do not fit together ------------------------------------------------------------------------

void refuse_unless(bool fits, const char* option, const char* where) {
  if (!fits) throw UsageError(fmt::format("{} goes with {} only", option, where));
}

void check_combination(const Words& words, Mode mode) {
  const bool is_one_way = mode == Mode::source || mode == Mode::sink;
  if (words.listen) refuse_unless(is_one_way, "--listen", "--mode source and --mode sink");
  if (words.check) refuse_unless(mode == Mode::sink, "--check", "--mode sink");
  if (words.pipeline) refuse_unless(mode == Mode::echo, "--pipeline", "--mode echo");
  if (words.size) refuse_unless(mode != Mode::sink, "--size", "a mode that sends, which sink does not,");
  if (words.connections) refuse_unless(!words.listen, "--connections", "the end that connects");
}

/// Datagrams get lost and belong to no connection, which leaves only one of the loads any sense.
void check_datagrams(const Words& words, const Options& options) {
  if (options.mode != Mode::echo) {
    throw UsageError(fmt::format("--mode {} needs a stream, and \"{}\" takes datagrams: expected --mode echo",
                                 words.mode, *words.url));
  }
  if (options.size_bytes > kLargestDatagramBytes) {
    throw UsageError(fmt::format("--size \"{}\" with \"{}\", expected at most {}: no datagram is larger",
                                 *words.size, *words.url, kLargestDatagramBytes));
  }
  const std::size_t most = DatagramWindow::most_places(options.size_bytes);
  if (options.pipeline > most) {
    throw UsageError(
        fmt::format("--pipeline {} with datagrams of {} byte{}, expected at most {}: no more can be "
                    "told apart",
                    options.pipeline, options.size_bytes, options.size_bytes == 1 ? "" : "s", most));
  }
}

Url parse_destination(const Words& words) {
  if (!words.url)
    throw UsageError(
        "no URL, expected tcp://HOST:PORT, tls://HOST:PORT, udp://HOST:PORT, unix:///PATH or unix://@NAME");
  Url url = parse_urls({*words.url}).front();
  const bool has_host = url.scheme != Url::Scheme::unix_domain;
  if (has_host && !words.listen && url.host.empty()) {
    throw UsageError(fmt::format("no host in \"{}\", expected one to connect to", *words.url));
  }
  if (has_host && !words.listen && url.port == Port(0)) {
    throw UsageError(fmt::format("port 0 in \"{}\", expected one to connect to, 1 to 65535", *words.url));
  }
  return url;
}

}  // namespace

const char* const kExplanation =
    R"(Modes:
  echo    keeps messages under way to an echo server; for each that came back the next goes out
  source  writes as fast as the other end takes it
  sink    reads as fast as it comes
  storm   connects, has one message echoed, closes, and again
  idle    holds connections on which nothing happens, then sees which of them still live

K is 1024 bytes, M is 1024 K; a MB of the results is 10^6 bytes, each counted once. The first
tenth of the duration, a second at most, warms up and is not counted. A run that listens begins
with its first connection, and a sink ends with its last.

Latency is the time from handing a message to the transport to its last byte back; for storm, from
connecting to the end of the connection. The loop is closed: a server that stalls is sent less
meanwhile, so the percentiles are those of the messages that were sent, not of what users who come
at a rate of their own would see (coordinated omission). They are never too low, and less than
0.8 % too high; the maximum is exact.

Over udp:// there is echo only. A datagram that is not back after 200 ms counts as lost, and the
next one takes its place; one that comes later than that counts as late.

Every echoed byte is compared with what was sent; a wrong one ends the run. A connection that is
lost is not replaced. The exit status is 1 if anything went wrong or nothing was measured. SIGINT
ends the run, prints what was measured, and makes it 130; a second one ends it at once.

Two of them against each other:
  tidegate bench tcp://127.0.0.1:9000 --mode sink --listen --check
  tidegate bench tcp://127.0.0.1:9000 --mode source)";

const char* name_of(Mode mode) noexcept {
  switch (mode) {
    case Mode::echo:
      return "echo";
    case Mode::source:
      return "source";
    case Mode::sink:
      return "sink";
    case Mode::storm:
      return "storm";
    case Mode::idle:
      break;
  }
  return "idle";
}

Duration Options::warm_up() const noexcept { return std::min(duration / 10, kLongestWarmUp); }

Options parse_options(const Words& words) {
  Options options;
  options.url = parse_destination(words);
  options.mode = parse_mode(words.mode);
  check_combination(words, options.mode);
  if (words.connections) {
    options.connections = parse_count("--connections", *words.connections, kMostConnections);
  }
  if (options.mode == Mode::source) options.size_bytes = kSourceMessageBytes;
  if (words.size) options.size_bytes = parse_size("--size", *words.size);
  if (words.pipeline) options.pipeline = parse_count("--pipeline", *words.pipeline, kLongestPipeline);
  if (options.is_of_datagrams()) check_datagrams(words, options);
  options.security =
      words.listen ? Security::of_listening(options.url) : Security::of_connecting(options.url);
  options.duration = parse_seconds("--duration", words.duration, kShortestSeconds, kLongestSeconds);
  options.backend = parse_backend(words.backend);
  options.spin = parse_spin(words.spin);
  options.listen = words.listen;
  options.check = words.check;
  options.json = words.json;
  return options;
}

}  // namespace tidegate::cli::bench
