// What `tidegate relay` is asked for, and how people say it. Knows no sockets.
#pragma once

#include <tidegate/handle.hpp>
#include <tidegate/loop.hpp>

#include "relay/place.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace tidegate::cli::relay {

/// The words of the command line, as they were typed; none where an option was not given.
struct Words {
  std::vector<std::string> places;
  std::optional<std::string> max_connections;
  std::optional<std::string> buffer;
  std::optional<std::string> udp_timeout;
  std::optional<std::string> tls_timeout;
  std::string backend = "auto";
  bool stats = false;
  bool quiet = false;
};

/// What they mean.
struct Options {
  Place from;
  Place to;
  /// None: as many as come.
  std::optional<std::size_t> max_connections;
  /// The high mark of every write buffer; none: the library's.
  std::optional<std::size_t> buffer_bytes;
  /// How long UDP has to be silent to be taken for ended.
  Duration udp_timeout = std::chrono::seconds(1);
  /// How long a TO over TLS, which can't be told that FROM has ended, has to be silent for its answer to be
  /// taken for complete.
  Duration tls_timeout = std::chrono::seconds(60);
  BackendKind backend = BackendKind::automatic;
  bool stats = false;
  /// No lines about connections that were accepted.
  bool quiet = false;
};

/// What the endpoints are and how a relay ends, for `--help`.
extern const char* const kExplanation;

/// Reads the files that TLS needs, too. Throws UsageError that names the word, and what was expected in its
/// place.
[[nodiscard]] Options parse_options(const Words& words);

}  // namespace tidegate::cli::relay
