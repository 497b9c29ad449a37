// What FROM and TO can be, and how people say it. Knows no sockets.
#pragma once

#include <tidegate/endpoint.hpp>

#include "security.hpp"

#include <cstdint>
#include <string>

namespace tidegate::cli::relay {

/// One end of a relay, as it was typed and as it was meant.
struct Place {
  enum class Kind : std::uint8_t {
    /// tcp, tls or unix, of `url`.
    stream,
    /// udp, of `url`.
    datagrams,
    /// `text` is for the shell.
    command,
    /// `text` is the path.
    fifo,
    /// Standard input and output.
    standard,
  };

  Kind kind = Kind::stream;
  Url url = {};
  std::string text = {};
  /// Waits for connections instead of making one; of streams only.
  bool listens = false;
  std::string as_typed = {};
  /// Of tls; none before its files were read, which is not done here.
  Security security = {};

  /// Throws UsageError that names the text and what was expected.
  [[nodiscard]] static Place parse_from(const std::string& typed);
  /// The same for an end that can't listen.
  [[nodiscard]] static Place parse_to(const std::string& typed);
};

}  // namespace tidegate::cli::relay
