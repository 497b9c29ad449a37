// See arguments.hpp.
#include "arguments.hpp"

#include <charconv>
#include <cstdlib>
#include <iostream>
#include <limits>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace load {

namespace {

constexpr std::string_view kUsage =
    "usage: load MODE ADDRESS [OPTION VALUE]...\n"
    "  MODE     echo       messages there and back, each byte checked\n"
    "           send       one way, to a server that discards\n"
    "           receive    one way, from a server that generates\n"
    "           storm      connect, one echo, close, again\n"
    "           idle       connect, one echo each, then stay until standard input closes\n"
    "           datagrams  there and back, each checked, losses counted\n"
    "  ADDRESS  tcp:PORT (on 127.0.0.1) or unix:PATH; udp:PORT for datagrams\n"
    "  --connections N   at a time (1)\n"
    "  --size BYTES      of a message (64)\n"
    "  --pipeline N      messages in flight per connection, or sent at once (1)\n"
    "  --train N         datagrams that are sent as one, for the kernel to cut (1)\n"
    "  --seconds S       length of the measured window (1)\n"
    "  --warmup S        before it (0.2)\n"
    "  --messages N      instead of a window: N messages per connection, in lock-step\n"
    "  --tls FILE        encrypted; FILE has the certificates to trust\n"
    "  --sessions HOW    of a storm with TLS: new (the default) or resumed\n"
    "  --server-pid PID  whose processor time and memory to report\n";

constexpr std::pair<std::string_view, Mode> kModes[] = {
    {"echo", Mode::echo},   {"send", Mode::send}, {"receive", Mode::receive},
    {"storm", Mode::storm}, {"idle", Mode::idle}, {"datagrams", Mode::datagrams}};

constexpr double kLongestSeconds = 3600.0;
constexpr std::size_t kMostDatagramBytes = 65'507;
constexpr std::size_t kMostInTrain = 64;  // the kernel's own limit, before Linux 6.9

/// Says what is wrong with the value of an option.
[[noreturn]] void refuse(std::string_view name, std::string_view value, std::string_view expected) {
  throw std::invalid_argument(std::string(name) + ": \"" + std::string(value) + "\" is not " +
                              std::string(expected));
}

template <typename Number>
Number read_number(std::string_view name, std::string_view text, Number least, Number most) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || !(number >= least) || number > most) {
    refuse(name, text, "a number in range");
  }
  return number;
}

Mode read_mode(std::string_view text) {
  for (const auto& [name, mode] : kModes) {
    if (name == text) return mode;
  }
  refuse("MODE", text, "echo, send, receive, storm, idle or datagrams");
}

Address read_address(std::string_view text, Mode mode) {
  const bool of_datagrams = mode == Mode::datagrams;
  if (!of_datagrams && text.starts_with("unix:")) return Address::unix_path(text.substr(5));
  if (!text.starts_with(of_datagrams ? "udp:" : "tcp:")) {
    refuse("ADDRESS", text, of_datagrams ? "udp:PORT" : "tcp:PORT or unix:PATH");
  }
  return Address::loopback(read_number<std::uint16_t>("ADDRESS", text.substr(4), 1, 65535));
}

void read_option(std::string_view name, std::string_view value, Arguments& arguments) {
  if (name == "--connections") {
    arguments.connections = read_number<std::size_t>(name, value, 1, 1'000'000);
  } else if (name == "--size") {
    arguments.size_bytes = read_number<std::size_t>(name, value, 1, std::size_t{1} << 26U);
  } else if (name == "--pipeline") {
    arguments.pipeline = read_number<std::size_t>(name, value, 1, 4096);
  } else if (name == "--train") {
    arguments.train = read_number<std::size_t>(name, value, 1, kMostInTrain);
  } else if (name == "--seconds") {
    arguments.measured = std::chrono::duration<double>(read_number(name, value, 0.001, kLongestSeconds));
  } else if (name == "--warmup") {
    arguments.warm_up = std::chrono::duration<double>(read_number(name, value, 0.0, kLongestSeconds));
  } else if (name == "--messages") {
    arguments.messages =
        read_number<std::uint64_t>(name, value, 1, std::numeric_limits<std::uint32_t>::max());
  } else if (name == "--tls") {
    arguments.trusted_file = value;
  } else if (name == "--sessions") {
    if (value != "new" && value != "resumed") refuse(name, value, "new or resumed");
    arguments.resumes_sessions = value == "resumed";
  } else if (name == "--server-pid") {
    arguments.server = read_number<pid_t>(name, value, 1, std::numeric_limits<pid_t>::max());
  } else {
    throw std::invalid_argument("unknown option " + std::string(name));
  }
}

/// REQUIRES: they are about datagrams.
void check_datagrams(const Arguments& arguments) {
  if (arguments.size_bytes < kLeastDatagramBytes || arguments.size_bytes > kMostDatagramBytes) {
    throw std::invalid_argument("--size of a datagram is 12 to 65507 bytes");
  }
  if (arguments.train * arguments.size_bytes > kMostDatagramBytes) {
    throw std::invalid_argument("a train has up to 65507 bytes");
  }
  if (arguments.pipeline % arguments.train != 0) {
    throw std::invalid_argument("--pipeline is not a number of whole trains");
  }
  if (arguments.messages && *arguments.messages % arguments.pipeline != 0) {
    throw std::invalid_argument("--messages of datagrams is not a number of whole pipelines");
  }
}

Arguments parse(int argc, char** argv) {
  if (argc < 3) throw std::invalid_argument("MODE and ADDRESS are missing");
  if (argc % 2 == 0) throw std::invalid_argument("an option has no value");
  Arguments arguments;
  arguments.mode_text = argv[1];
  arguments.mode = read_mode(argv[1]);
  arguments.address_text = argv[2];
  arguments.address = read_address(argv[2], arguments.mode);
  for (int i = 3; i < argc; i += 2) read_option(argv[i], argv[i + 1], arguments);
  if (arguments.messages && arguments.mode != Mode::echo && arguments.mode != Mode::datagrams) {
    throw std::invalid_argument("--messages goes with echo and datagrams only");
  }
  if (arguments.trusted_file && arguments.mode == Mode::datagrams) {
    throw std::invalid_argument("--tls does not go with datagrams");
  }
  if (arguments.resumes_sessions && (arguments.mode != Mode::storm || !arguments.trusted_file)) {
    throw std::invalid_argument("--sessions goes with storm and --tls only");
  }
  if (arguments.mode == Mode::datagrams) {
    check_datagrams(arguments);
  } else if (arguments.train > 1) {
    throw std::invalid_argument("--train goes with datagrams only");
  }
  return arguments;
}

}  // namespace

Arguments read_arguments(int argc, char** argv) {
  try {
    return parse(argc, argv);
  } catch (const std::invalid_argument& error) {
    std::cerr << "load: " << error.what() << '\n' << kUsage;
    std::exit(2);
  }
}

}  // namespace load
