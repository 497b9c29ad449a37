// What `tidegate bench` is asked for, and how people say it. Knows no sockets.
#pragma once

#include <tidegate/endpoint.hpp>
#include <tidegate/handle.hpp>
#include <tidegate/loop.hpp>

#include "security.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace tidegate::cli::bench {

/// The kinds of load.
enum class Mode : std::uint8_t {
  /// Messages out and back, a fixed number under way.
  echo,
  /// One way, away from here.
  source,
  /// One way, to here.
  sink,
  /// Connect, one message out and back, close, again.
  storm,
  /// Many connections on which nothing happens.
  idle,
};

/// Its name, as it is typed.
[[nodiscard]] const char* name_of(Mode mode) noexcept;

/// The words of the command line, as they were typed; none where an option was not given.
struct Words {
  std::optional<std::string> url;
  std::string mode = "echo";
  std::optional<std::string> connections;
  std::optional<std::string> size;
  std::optional<std::string> pipeline;
  std::string duration = "10";
  std::string backend = "auto";
  std::string spin = "0";
  bool listen = false;
  bool check = false;
  bool json = false;
};

/// What they mean.
struct Options {
  Url url;
  Security security;
  Mode mode = Mode::echo;
  std::size_t connections = 1;
  /// Of a message: what goes out and comes back as one, or is written as one.
  std::size_t size_bytes = 64;
  /// Messages under way on each connection.
  std::size_t pipeline = 1;
  /// From the moment at which every connection is open.
  Duration duration{};
  BackendKind backend = BackendKind::automatic;
  Duration spin{};  // LoopOptions::spin
  /// Wait for connections instead of making them.
  bool listen = false;
  /// A sink compares what it gets with what a source sends.
  bool check = false;
  bool json = false;

  /// Whether what is sent may get lost.
  [[nodiscard]] bool is_of_datagrams() const noexcept { return url.scheme == Url::Scheme::udp; }
  /// The beginning that is not counted: a tenth, a second at most.
  [[nodiscard]] Duration warm_up() const noexcept;
};

/// What the modes do and how the results are to be read, for `--help`.
extern const char* const kExplanation;

/// Throws UsageError that names the word, and what was expected in its place.
[[nodiscard]] Options parse_options(const Words& words);

}  // namespace tidegate::cli::bench
