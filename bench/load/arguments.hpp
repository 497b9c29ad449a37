// The load generator's command line as a value.
#pragma once

#include "socket.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include <sys/types.h>

namespace load {

enum class Mode { echo, send, receive, storm, idle, datagrams };

/// A datagram of ours has a label, which says to what it is the answer.
inline constexpr std::size_t kLeastDatagramBytes = 12;

struct Arguments {
  Mode mode = Mode::echo;
  std::string mode_text;
  std::string address_text;
  Address address;
  std::size_t connections = 1;
  std::size_t size_bytes = 64;
  /// Messages that a connection, or a socket of datagrams, has in flight; of one-way bulk: that are sent at
  /// once.
  std::size_t pipeline = 1;
  /// Datagrams that are sent as one, which the kernel cuts.
  std::size_t train = 1;
  std::chrono::duration<double> measured{1.0};
  std::chrono::duration<double> warm_up{0.2};
  /// Instead of a window of time: so many messages per connection, in lock-step.
  std::optional<std::uint64_t> messages;
  /// TLS: the certificates to trust; none: nothing is encrypted.
  std::optional<std::string> trusted_file;
  /// With TLS, a storm's connections go on with the session of the one before, and have to.
  bool resumes_sessions = false;
  /// The server's process; none: nothing is said about it.
  std::optional<pid_t> server;
};

/// Wrong arguments end the program with status 2 and say how it is used.
[[nodiscard]] Arguments read_arguments(int argc, char** argv);

}  // namespace load
