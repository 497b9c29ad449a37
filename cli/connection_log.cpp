// See connection_log.hpp.
#include "connection_log.hpp"

#include "arguments.hpp"
#include "output.hpp"

#include <fmt/format.h>

namespace tidegate::cli {

std::uint64_t ConnectionLog::opened(const Endpoint& peer, const Endpoint& local) {
  ++connections_;
  print_log(fmt::format("#{} opened  {} at {}", connections_, peer.to_string(), to_url_text(local)));
  return connections_;
}

void ConnectionLog::closed(std::uint64_t number, const Endpoint& peer, std::uint64_t received_bytes,
                           const Error& reason) {
  const std::string why = reason ? ": " + reason.message() : "";
  print_log(fmt::format("#{} closed  {} after {} bytes{}", number, peer.to_string(), received_bytes, why));
}

}  // namespace tidegate::cli
